package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const (
	image       = "postgres:17-alpine"
	pingTimeout = time.Second
	stopTimeout = 30 * time.Second
)

// fromDocker starts a container if an engine answers; most machines have only
// the client.
func fromDocker(ctx context.Context) (server, error) {
	if err := dialDocker(ctx); err != nil {
		return server{}, fmt.Errorf("docker: %w", err)
	}
	c, err := postgres.Run(ctx, image, postgres.WithDatabase("postgres"), postgres.WithUsername("riverstones"),
		postgres.WithPassword("riverstones"), postgres.BasicWaitStrategies())
	if err != nil {
		return server{}, fmt.Errorf("docker: %w", err)
	}
	url, err := c.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return server{}, fmt.Errorf("docker: %w", err)
	}
	return server{url: url, stop: func() { _ = testcontainers.TerminateContainer(c, testcontainers.StopTimeout(stopTimeout)) }}, nil
}

func dialDocker(ctx context.Context) error {
	network, address := "unix", "/var/run/docker.sock"
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		network, address, _ = strings.Cut(host, "://")
	}
	ctx, stop := context.WithTimeout(ctx, pingTimeout)
	defer stop()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}
