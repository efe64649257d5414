package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Header fields of Standard Webhooks.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	secretPrefix = "whsec_"
	// Standard Webhooks asks for 24 to 64 bytes.
	minSecret, maxSecret = 24, 64
)

// Secrets sign webhooks, each one by itself, so that receivers can go over
// from one to the next.
type Secrets [][]byte

// ParseSecrets reads secrets in the form whsec_BASE64, separated by white
// space. Its errors show none of them.
func ParseSecrets(text string) (Secrets, error) {
	var all Secrets
	for i, field := range strings.Fields(text) {
		encoded, ok := strings.CutPrefix(field, secretPrefix)
		if !ok {
			return nil, fmt.Errorf("secret %d does not begin with %s", i+1, secretPrefix)
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("secret %d is no base64 behind %s", i+1, secretPrefix)
		}
		if len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("secret %d has %d bytes, it must have %d to %d", i+1, len(key), minSecret, maxSecret)
		}
		all = append(all, key)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no secret")
	}
	return all, nil
}

// sign sets the header fields of a message.
func (s Secrets) sign(h http.Header, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(s))
	for i, key := range s {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}
