package queue

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Settings of every connection. A lost server is looked for again without end,
// at short and uneven intervals so that many clients do not come back at once.
const (
	dialTimeout     = 3 * time.Second
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 400 * time.Millisecond
	pingInterval    = 10 * time.Second
	maxPingsOut     = 2
	drainTimeout    = 30 * time.Second
)

// ConnectConfig says who connects and what is told about the connection. The
// zero value connects without credentials and logs nothing.
type ConnectConfig struct {
	// Name is shown by the server's monitoring, such as "gateway@host".
	Name string
	// Credentials: at most one of User (with Password), Token, CredsFile (a JWT
	// and its seed) and NKeyFile (a seed) is used by a server.
	User, Password string
	Token          string
	CredsFile      string
	NKeyFile       string
	// TLS of the connection. CAFile names the authorities to trust in place of
	// the system's, CertFile and KeyFile this client's certificate; all PEM.
	// TLS, if given, is where they are added to.
	TLS               *tls.Config
	CAFile            string
	CertFile, KeyFile string
	// InboxPrefix is where answers are received: "_INBOX" or a subject below it,
	// since recorder and gateway answer to inboxes only. By default it is that of
	// the user, "_INBOX.<user>", so that users can be kept from reading each
	// other's answers, and "_INBOX" without a user and password.
	InboxPrefix string
	// Logger takes losses, reconnects and errors. Servers are logged by their
	// address, since a URL may hold a password or a token.
	Logger *zap.Logger
	// OnClosed is called once when the connection is closed: by its owner, or
	// for good by the server, as after credentials refused twice. err is the
	// last error of the connection, nil for none. A process that did not close
	// the connection itself should end then.
	OnClosed func(err error)
}

// Connect connects to the servers of a comma-separated list of URLs. It
// returns without an error while no server can be reached: the connection goes
// on trying, and publishing on it fails at once until it succeeds. Errors never
// show a URL, which may hold credentials.
func Connect(servers string, cfg ConnectConfig) (*nats.Conn, error) {
	user, err := checkURLs(servers)
	if err != nil {
		return nil, err
	}
	if p := cfg.InboxPrefix; p != "" && !strings.HasPrefix(p+".", nats.InboxPrefix) {
		return nil, fmt.Errorf("connect to nats: inbox prefix %q gets no answers: it must be _INBOX or begin with %s", p, nats.InboxPrefix)
	}
	if cfg.InboxPrefix == "" && cfg.User == "" && user != "" {
		cfg.InboxPrefix = inboxOf(user)
	}
	nc, err := nats.Connect(servers, Options(cfg)...)
	if err != nil {
		return nil, fmt.Errorf("connect to nats: %w", err)
	}
	return nc, nil
}

func inboxOf(user string) string { return nats.InboxPrefix + Token(user) }

// checkURLs finds what nats.Connect would refuse with the URL in its error. It
// returns the user of the first URL that has one with a password; a user alone
// is a token.
func checkURLs(servers string) (user string, err error) {
	for i, s := range strings.Split(servers, ",") {
		s = strings.TrimSpace(s)
		if !strings.Contains(s, "://") {
			s = "nats://" + s
		}
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			return "", fmt.Errorf("connect to nats: address number %d is malformed, want nats://[user:password@]host[:port] with special characters escaped", i+1)
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return "", fmt.Errorf("connect to nats: address number %d begins with none of nats://, tls://, ws://, wss://", i+1)
		}
		if _, has := u.User.Password(); has && user == "" {
			user = u.User.Username()
		}
	}
	return user, nil
}

// Reached returns nil while nc is connected, else why not: an error that wraps
// [nats.ErrDisconnected], or [nats.ErrConnectionClosed] for one that is closed
// for good, and names the servers without what their URLs may hold beside.
func Reached(nc *nats.Conn) error {
	if nc.IsConnected() {
		return nil
	}
	why := nats.ErrDisconnected
	if nc.IsClosed() {
		why = nats.ErrConnectionClosed
	}
	var at []string
	for _, s := range nc.Servers() {
		if u, err := url.Parse(s); err == nil {
			at = append(at, u.Host)
		}
	}
	return fmt.Errorf("no connection to NATS at %s: %w", strings.Join(at, ", "), why)
}

// Options are the settings of a connection as [Connect] makes it, for
// connections that are made otherwise, such as those within the process.
func Options(cfg ConnectConfig) []nats.Option {
	opts := []nats.Option{
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// A publish while there is no connection must fail, not be sent after
		// its caller was told that it timed out.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOut),
		nats.DrainTimeout(drainTimeout),
	}
	if cfg.Name != "" {
		opts = append(opts, nats.Name(cfg.Name))
	}
	if cfg.InboxPrefix == "" && cfg.User != "" {
		cfg.InboxPrefix = inboxOf(cfg.User)
	}
	if cfg.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(cfg.InboxPrefix))
	}
	opts = append(opts, credentials(cfg)...)
	opts = append(opts, secure(cfg)...)
	return append(opts, handlers(cfg)...)
}

func credentials(cfg ConnectConfig) []nats.Option {
	var opts []nats.Option
	if cfg.User != "" {
		opts = append(opts, nats.UserInfo(cfg.User, cfg.Password))
	}
	if cfg.Token != "" {
		opts = append(opts, nats.Token(cfg.Token))
	}
	if cfg.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(cfg.CredsFile))
	}
	if cfg.NKeyFile != "" {
		opts = append(opts, func(o *nats.Options) error {
			nkey, err := nats.NkeyOptionFromSeed(cfg.NKeyFile)
			if err != nil {
				return fmt.Errorf("read nkey file: %w", err)
			}
			return nkey(o)
		})
	}
	return opts
}

func secure(cfg ConnectConfig) []nats.Option {
	var opts []nats.Option
	if cfg.TLS != nil {
		opts = append(opts, nats.Secure(cfg.TLS.Clone()))
	}
	if cfg.CAFile != "" {
		opts = append(opts, nats.RootCAs(cfg.CAFile))
	}
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		opts = append(opts, nats.ClientCert(cfg.CertFile, cfg.KeyFile))
	}
	return opts
}

func handlers(cfg ConnectConfig) []nats.Option {
	log := cfg.Logger
	if log == nil {
		log = zap.NewNop()
	}
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: the owner closes it
				log.Warn("nats connection lost", zap.Error(err))
			}
		}),
		nats.ConnectHandler(func(nc *nats.Conn) {
			log.Info("nats connected", zap.String("server", nc.ConnectedAddr()))
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats reconnected", zap.String("server", nc.ConnectedAddr()))
		}),
		nats.LameDuckModeHandler(func(*nats.Conn) {
			log.Info("nats server is about to stop, another one is looked for")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			var subject string
			if sub != nil {
				subject = sub.Subject
			}
			log.Warn("nats error", zap.Error(err), zap.String("subject", subject))
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			err := nc.LastError()
			log.Debug("nats connection closed", zap.Error(err))
			if cfg.OnClosed != nil {
				cfg.OnClosed(err)
			}
		}),
	}
}
