package expr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	lib "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// expression is one compiled ${…}: the library's program, and what its calls
// refer to by position.
type expression struct {
	constants []variable.Value
	names     []string
	refs      []Ref
	path      []string // the whole expression, if it is nothing but a path
	program   *vm.Program
}

// finish compiles the code, unless it is only a path.
func (e *expression) finish(code string, limits Limits) error {
	if len(e.refs) == 1 && code == pathCode(e.refs[0].Path) {
		e.path = e.refs[0].Path
		return nil
	}
	const perNode = 8 // a call, its arguments and what is put around them
	options := slices.Concat(language, []lib.Option{lib.MaxNodes(uint(perNode * (limits.MaxNodes + 1)))})
	program, err := lib.Compile(code, options...)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	e.program = program
	return nil
}

// run is one evaluation. The program sees it as $env.
type run struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call of Eval
	env  Env
	expr *expression // that is running
	left int64       // bytes that may still be worked on
	err  error       // why a function gave up; the library's would quote the code
}

// eval evaluates the expression.
func (e *expression) eval(r *run) (variable.Value, error) {
	r.expr = e
	if e.path != nil {
		return r.follow(e.path)
	}
	out, err := lib.Run(e.program, r)
	if r.err != nil {
		return variable.Value{}, r.err
	}
	if err != nil {
		return variable.Value{}, fmt.Errorf("run: %w", err)
	}
	return asValue(out), nil
}

// follow evaluates an expression that is only a path.
func (r *run) follow(path []string) (variable.Value, error) {
	v, err := r.lookup(path[0])
	for _, name := range path[1:] {
		if err != nil {
			break
		}
		v, err = r.member(v, variable.String(name))
	}
	return v, err
}

// lookup finds a variable that must be there.
func (r *run) lookup(name string) (variable.Value, error) {
	v, ok, err := r.find(name)
	if err == nil && !ok {
		err = &UnknownVariable{Name: name}
	}
	return v, err
}

// find asks for a variable.
func (r *run) find(name string) (variable.Value, bool, error) {
	if err := r.charge(0); err != nil {
		return variable.Value{}, false, err
	}
	v, ok := r.env.Lookup(name)
	return v, ok, r.ctx.Err() // a lookup may have been cut short
}

// charge takes n bytes of work from what is left.
func (r *run) charge(n int64) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.left -= n; r.left < 0 {
		return &LimitError{Reason: "the evaluation works on too many bytes, use smaller values or fewer operations"}
	}
	return nil
}

// asValue takes a value as the library hands it around.
func asValue(x any) variable.Value {
	switch x := x.(type) {
	case variable.Value:
		return x
	case bool:
		return variable.Boolean(x)
	}
	return variable.Value{}
}

// language is what the code may use: the functions below, and nothing of the
// library's own.
var language = options()

// options makes the library's options.
func options() []lib.Option {
	out := []lib.Option{lib.DisableAllBuiltins(), lib.Optimize(false)}
	for _, name := range slices.Sorted(maps.Keys(positions)) {
		out = append(out, lib.Function(name, guard(positioned(positions[name]))))
	}
	for _, name := range slices.Sorted(maps.Keys(unary)) {
		f := unary[name]
		out = append(out, lib.Function(name, guard(func(r *run, args []any) (any, error) {
			return f(r, asValue(args[0]))
		})))
	}
	for _, name := range slices.Sorted(maps.Keys(binary)) {
		f := binary[name]
		out = append(out, lib.Function(name, guard(func(r *run, args []any) (any, error) {
			return f(r, asValue(args[0]), asValue(args[1]))
		})))
	}
	truth := guard(func(_ *run, args []any) (any, error) { return truth(asValue(args[0])) })
	return append(out, lib.Function("truth", truth, new(func(any, any) bool)))
}

var errCode = errors.New("a function was called with arguments that the front does not write")

// guard makes one of our functions callable by the library: the first argument
// is the run, which remembers the first error.
func guard(f func(r *run, args []any) (any, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		r, ok := args[0].(*run)
		if !ok {
			return nil, errCode
		}
		out, err := f(r, args[1:])
		if err != nil && r.err == nil {
			r.err = err
		}
		return out, err
	}
}

// positions are the functions whose first argument is a position in one of the
// expression's lists; they get the value of a second one too.
var positions = map[string]func(r *run, at int, fallback variable.Value) (variable.Value, error){
	"constant":  func(r *run, at int, _ variable.Value) (variable.Value, error) { return r.expr.constants[at], nil },
	"lookup":    func(r *run, at int, _ variable.Value) (variable.Value, error) { return r.lookup(r.expr.names[at]) },
	"optional":  otherwise,
	"otherwise": otherwise,
	"exists": func(r *run, at int, _ variable.Value) (variable.Value, error) {
		_, ok, err := r.find(r.expr.names[at])
		return variable.Boolean(ok), err
	},
}

// otherwise finds a variable that need not be there.
func otherwise(r *run, at int, fallback variable.Value) (variable.Value, error) {
	v, ok, err := r.find(r.expr.names[at])
	if !ok {
		v = fallback
	}
	return v, err
}

// positioned passes the arguments of one of [positions].
func positioned(f func(*run, int, variable.Value) (variable.Value, error)) func(*run, []any) (any, error) {
	return func(r *run, args []any) (any, error) {
		at, ok := args[0].(int)
		if !ok {
			return nil, errCode
		}
		var fallback variable.Value
		if len(args) > 1 {
			fallback = asValue(args[1])
		}
		return f(r, at, fallback)
	}
}
