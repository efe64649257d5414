package queue_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/task"
)

func announcement() *queue.Announcement {
	return &queue.Announcement{
		Code: "SIP::EC2::Volume", DisplayName: "Volume <1>", Description: "Makes volumes", Service: "storage", Version: "1.4.0",
		Methods: task.Methods(),
		Params: []param.Param{
			{Name: "sizeGB", DisplayName: "Size", Description: "in GB", Type: param.Integer, Default: json.RawMessage("12345678901234567890"), MinValue: new(1.0), MaxValue: new(1e20), Required: true},
			{Name: "kind", Type: param.String, AllowedValues: []json.RawMessage{[]byte(`"ssd"`), []byte(`"hdd"`)}, Visible: new(false)},
			{Name: "pin", Type: param.String, NoEcho: true, AllowedPattern: "[0-9]+", MinLength: new(4), MaxLength: new(8)},
		},
		Outputs: []param.Output{{Name: "volumeId", Description: "of the volume"}},
		Worker:  "host.1-a", Host: "host.1", Concurrency: 10, BusinessKey: "eu:1", LastFetch: at(123456), SealKey: "pk1",
	}
}

func TestAnnouncementOnTheWire(t *testing.T) {
	t.Parallel()
	a := announcement()
	doc, err := a.Encode()
	require.NoError(t, err)
	want := golden(t, "announcement.golden.json", doc)
	require.Equal(t, string(want), string(doc))
	back, err := queue.ParseAnnouncement(want)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(a, back))
}

func TestLeastAnnouncement(t *testing.T) {
	t.Parallel()
	a, err := queue.ParseAnnouncement([]byte(`{"code":"A","worker":"w","later":{"x":[1]},"methods":["start","dance","start"],"params":[{"name":"p","type":"string","default":null}]}`))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(&queue.Announcement{Code: "A", Worker: "w", Methods: []task.Method{task.Start}, Params: []param.Param{{Name: "p", Type: "string"}}}, a))
	doc, err := (&queue.Announcement{Code: "A", Worker: "w"}).Encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"code":"A","displayName":"","description":"","service":"","version":"","methods":[],"params":[],"outputs":[],
		"worker":"w","host":"","concurrency":0,"businessKey":null,"lastFetch":null}`, string(doc))
}

func TestMalformedAnnouncements(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		``: "", `[]`: "", `null`: "stone code", `{"code":"A"}`: "worker must be", `{"code":"1","worker":"w"}`: "stone code",
		`{"code":"A","worker":"w\u0007"}`:                                   "worker must be",
		`{"code":"A","worker":"` + strings.Repeat("x", 256) + `"}`:          "worker must be",
		`{"code":"A","worker":"w","concurrency":-1}`:                        "concurrency is -1",
		`{"code":"A","worker":"w","businessKey":"_"}`:                       "business key",
		`{"code":"A","worker":"w","lastFetch":"yesterday"}`:                 "lastFetch",
		`{"code":"A","worker":"w","lastFetch":"0000-01-01T00:00:00+01:00"}`: "no time of ours",
		`{"code":"A","worker":"w","params":[{"name":1}]}`:                   "params",
		`{"code":"A","code":"B","worker":"w"}`:                              "duplicate",
		"{\"code\":\"A\",\"worker\":\"\xff\"}":                              "UTF-8",
		`{"code":"A","worker":"w"}{}`:                                       "",
		`{"code":"A","worker":"` + strings.Repeat("x", 300<<10) + `"}`:      "bytes",
	} {
		a, err := queue.ParseAnnouncement([]byte(doc))
		require.Nil(t, a)
		require.ErrorIs(t, err, queue.ErrMessage, "%.80s", doc)
		require.ErrorContains(t, err, want)
	}
	_, err := (&queue.Announcement{Code: "A", Worker: "w", Params: []param.Param{{Default: json.RawMessage("{")}}}).Encode()
	require.Error(t, err)
	_, err = (&queue.Announcement{Code: "A", Worker: "w", Description: strings.Repeat("x", queue.MaxMessage)}).Encode()
	require.ErrorContains(t, err, "bytes")
}

func TestStoneKeys(t *testing.T) {
	t.Parallel()
	key := queue.StoneKey("SIP::EC2::Volume", "host.1-a@ü")
	require.Equal(t, "SIP=3A=3AEC2=3A=3AVolume.host=2E1-a=40=C3=BC", key)
	require.Equal(t, "$KV.RS_STONES."+key, queue.StoneSubject(key))
	stone, worker, err := queue.ParseStoneKey(key)
	require.NoError(t, err)
	require.Equal(t, []string{"SIP::EC2::Volume", "host.1-a@ü"}, []string{stone, worker})
	for _, bad := range []string{"", "a", "a.", ".b", "a.b.c", "a.b>", "a=3.b", "a.=61"} {
		_, _, err := queue.ParseStoneKey(bad)
		require.ErrorIs(t, err, queue.ErrToken, bad)
	}
}

// FuzzParseAnnouncement: what is read can be written, and reads as the same again.
func FuzzParseAnnouncement(f *testing.F) {
	doc, err := announcement().Encode()
	require.NoError(f, err)
	f.Add(doc)
	for _, s := range []string{
		`{"code":"A","worker":"w"}`, `{"code":"A","worker":"w","params":[{"name":"p","type":"x","default":{"a":[1e400]},"allowedValues":[null,1.0]}]}`,
		`{"code":"A","worker":"w","lastFetch":"2026-11-21T09:00:00+01:00","methods":null,"params":null,"outputs":[{}]}`, `{"code":"A","worker":"w","businessKey":""}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		a, err := queue.ParseAnnouncement(doc)
		if err != nil {
			require.ErrorIs(t, err, queue.ErrMessage)
			return
		}
		out, err := a.Encode()
		if err != nil { // a sentence more than was read can be too much
			require.Greater(t, len(doc), queue.MaxMessage/8)
			return
		}
		back, err := queue.ParseAnnouncement(out)
		require.NoError(t, err, "%s", out)
		again, err := back.Encode()
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		require.Equal(t, a.LastFetch.Truncate(time.Microsecond), back.LastFetch)
	})
}
