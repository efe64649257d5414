// Package nats_test starts servers from the configurations of this folder and
// shows that the rights they give suffice, and that they are no more than that.
package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// secrets are the passwords that the configurations take from the environment.
var secrets = []string{
	"RS_ADMIN_PASSWORD", "RS_GATEWAY_PASSWORD", "RS_ORCHESTRATOR_PASSWORD", "RS_RECORDER_PASSWORD", "RS_MACHINESTONE_PASSWORD", "RS_VOLUME_PASSWORD", "NATS_SYS_PASSWORD",
}

func TestMain(m *testing.M) {
	for _, name := range secrets {
		if err := os.Setenv(name, "of-"+name); err != nil {
			panic(err)
		}
	}
	// In the environment it is one for all; each server gets its own below.
	if err := os.Setenv("NATS_NAME", "nats-0"); err != nil {
		panic(err)
	}
	queuetest.Main(m)
}

// parse reads a configuration as nats-server does, with its certificates in a
// folder of the test.
func parse(t *testing.T, file string) (opts *server.Options, ca string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(".")))
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	require.NoError(t, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		b = []byte(strings.ReplaceAll(string(b), "/etc/nats/", dir+"/"))
		require.NoError(t, os.WriteFile(name, b, 0o600))
	}
	ca = certificate(t, filepath.Join(dir, "certs"))
	opts = &server.Options{CheckConfig: true}
	require.NoError(t, opts.ProcessConfigFile(filepath.Join(dir, file)), "no unknown settings, no warnings")
	opts.CheckConfig = false
	opts.Host, opts.Port, opts.HTTPPort = "127.0.0.1", server.RANDOM_PORT, 0
	opts.StoreDir, opts.JetStreamMaxStore, opts.NoSigs, opts.NoLog = filepath.Join(dir, "store"), 1<<30, true, true
	return opts, ca
}

// certificate writes a certificate that signs itself for this machine.
func certificate(t *testing.T, dir string) (ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	write := func(name, kind string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
	}
	write("server.pem", "CERTIFICATE", cert)
	write("ca.pem", "CERTIFICATE", cert)
	write("server-key.pem", "PRIVATE KEY", private)
	return filepath.Join(dir, "ca.pem")
}

func run(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(20*time.Second))
	return s
}

// user is a connection with the rights of one user.
type user struct {
	nc *nats.Conn
	js jetstream.JetStream

	mu     sync.Mutex
	denied []string // what the server said
}

func connect(t *testing.T, s *server.Server, ca, name, password string) *user {
	t.Helper()
	u := &user{}
	opts := queue.Options(queue.ConnectConfig{User: name, Password: password, CAFile: ca})
	nc, err := nats.Connect("tls://"+s.Addr().String(), append(opts, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.denied = append(u.denied, err.Error())
	}))...)
	require.NoError(t, err)
	require.NoError(t, nc.FlushTimeout(20*time.Second))
	t.Cleanup(nc.Close)
	u.nc = nc
	u.js, err = jetstream.New(nc)
	require.NoError(t, err)
	return u
}

func (u *user) denials() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string{}, u.denied...)
}

// wasDenied waits until the server has refused a subject.
func (u *user) wasDenied(t *testing.T, subject string) {
	t.Helper()
	queuetest.WaitFor(t, func() bool {
		for _, d := range u.denials() {
			if strings.Contains(d, `"`+subject+`"`) || strings.Contains(d, `"`+strings.ReplaceAll(subject, "*", "")) {
				return true
			}
		}
		return false
	})
}

// installation is a single server with all streams and users.
type installation struct {
	srv *server.Server
	ca  string

	admin, gateway, recorder, orchestrator, machine, volume *user
}

func install(t *testing.T) *installation {
	t.Helper()
	opts, ca := parse(t, "single.conf")
	require.True(t, opts.SyncAlways)
	in := &installation{srv: run(t, opts), ca: ca}
	as := func(name, env string) *user { return connect(t, in.srv, ca, name, os.Getenv(env)) }
	in.admin = as("admin", "RS_ADMIN_PASSWORD")
	require.NoError(t, queue.Provision(t.Context(), in.admin.js, queue.ProvisionConfig{Store: opts.JetStreamMaxStore}))
	for _, stone := range []string{"MachineStone", "SIP::EC2::Volume"} {
		_, err := queue.EnsureConsumers(t.Context(), in.admin.js, stone, "")
		require.NoError(t, err)
	}
	in.gateway, in.recorder = as("gateway", "RS_GATEWAY_PASSWORD"), as("recorder", "RS_RECORDER_PASSWORD")
	in.orchestrator = as("orchestrator", "RS_ORCHESTRATOR_PASSWORD")
	in.machine, in.volume = as("MachineStone", "RS_MACHINESTONE_PASSWORD"), as("Volume", "RS_VOLUME_PASSWORD")
	return in
}

// cluster starts three servers that know each other.
func cluster(t *testing.T) (servers []*server.Server, ca string) {
	t.Helper()
	opts, ca := parse(t, "cluster.conf")
	require.Len(t, opts.Routes, 3)
	var routes []*url.URL
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: l.Addr().String()})
		require.NoError(t, l.Close())
	}
	for i, r := range routes {
		o := opts.Clone()
		o.ServerName = "nats-" + string(rune('0'+i))
		o.StoreDir = t.TempDir()
		o.Routes = routes
		o.Cluster.Host = "127.0.0.1"
		o.Cluster.Port = portOf(t, r)
		servers = append(servers, run(t, o))
	}
	return servers, ca
}

func portOf(t *testing.T, u *url.URL) int {
	t.Helper()
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	return port
}
