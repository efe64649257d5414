// Package stoneapi serves /stone: what stones there are, who serves them, what
// waits for them, and holding them back. Its handlers turn a request into one
// call of the registry, and know no queue. Only package gateway mounts it.
package stoneapi

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/gateway/rest"
)

// Stones knows them. [registry.Registry] does.
type Stones interface {
	Stones(ctx context.Context) ([]registry.Stone, error)
	Stone(ctx context.Context, code string) (registry.Stone, error)
	Pause(ctx context.Context, code string) (registry.Stone, error)
	Resume(ctx context.Context, code string) (registry.Stone, error)
}

// Mount adds the routes.
func Mount(r *rest.Router, s Stones) {
	rest.Handle(r, http.MethodGet, "/stone", func(ctx context.Context, _ all) (stones, error) { return s.Stones(ctx) })
	rest.Handle(r, http.MethodGet, "/stone/:code", one(s.Stone))
	rest.Handle(r, http.MethodPut, "/stone/:code/pause", one(s.Pause))
	rest.Handle(r, http.MethodPut, "/stone/:code/resume", one(s.Resume))
}

// all has nothing to read.
type all struct{}

// Bind reads nothing.
func (*all) Bind(*rest.Input) error { return nil }

// code is that of a stone, in a path.
type code string

// Bind reads the path. A body, if there is one, says nothing.
func (c *code) Bind(in *rest.Input) error {
	value, err := in.Path("code")
	*c = code(value)
	return err
}

// one makes a handler of something that is done with one stone.
func one(do func(ctx context.Context, code string) (registry.Stone, error)) func(context.Context, code) (stone, error) {
	return func(ctx context.Context, c code) (stone, error) {
		s, err := do(ctx, string(c))
		return stone{s}, err
	}
}
