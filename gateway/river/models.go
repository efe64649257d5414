package river

import (
	"context"
	"errors"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/expr"
	"github.com/riverstones/riverstones/store"
)

const (
	maxModels    = 500    // parsed ones in memory
	maxTemplates = 20_000 // compiled texts in memory
)

// definition is a deployed model. Its row is as it was when it was read:
// whether it is suspended must be asked for.
type definition struct {
	*bpmn.Scope

	process *bpmn.Process
	row     store.Definition
}

// models remembers parsed models.
type models struct {
	store   store.Runtime
	options bpmn.Options
	known   *lru.Cache[string, *definition]
}

func newModels(st store.Runtime, options bpmn.Options) (*models, error) {
	known, err := lru.New[string, *definition](maxModels)
	if err != nil {
		return nil, err
	}
	return &models{store: st, options: options, known: known}, nil
}

// finder is a transaction, or what else finds definitions.
type finder interface {
	Definition(ctx context.Context, id string) (store.Definition, error)
}

// get returns a definition by id; [store.ErrNotFound].
func (m *models) get(ctx context.Context, from finder, id string) (*definition, error) {
	if d, ok := m.known.Get(id); ok {
		return d, nil
	}
	row, err := from.Definition(ctx, id)
	if err != nil {
		return nil, err
	}
	return m.of(ctx, row)
}

// of returns the model of a definition.
func (m *models) of(ctx context.Context, row store.Definition) (*definition, error) {
	if d, ok := m.known.Get(row.ID); ok {
		return d, nil
	}
	file, err := m.store.Resource(ctx, row.Deployment, row.Resource)
	if err != nil {
		return nil, fmt.Errorf("read the file of definition %s: %w", row.ID, err)
	}
	all, err := bpmn.Parse(file, m.options)
	if err != nil {
		return nil, fmt.Errorf("parse the file of definition %s: %w", row.ID, err)
	}
	p := all.Process(row.Key)
	if p == nil {
		return nil, fmt.Errorf("definition %s: %w", row.ID, errors.New("its file has no such process"))
	}
	d := &definition{Scope: &p.Scope, process: p, row: row}
	m.known.Add(row.ID, d)
	return d, nil
}

// templates remembers compiled expressions.
type templates struct {
	limits expr.Limits
	known  *lru.Cache[string, *expr.Template]
}

func newTemplates(limits expr.Limits) (*templates, error) {
	known, err := lru.New[string, *expr.Template](maxTemplates)
	if err != nil {
		return nil, err
	}
	return &templates{limits: limits, known: known}, nil
}

func (t *templates) get(text string) (*expr.Template, error) {
	if got, ok := t.known.Get(text); ok {
		return got, nil
	}
	got, err := expr.Compile(text, t.limits)
	if err != nil {
		return nil, err
	}
	t.known.Add(text, got)
	return got, nil
}
