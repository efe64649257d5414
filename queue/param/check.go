package param

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
)

// Error says which parameter breaks which rule of its declaration. It never
// holds the value, which may be a secret.
type Error struct {
	Param string
	Rule  string // the field of the declaration, such as "required" or "maxValue"
	Why   string // what the value must be
}

// Error returns a sentence such as "parameter size: must be at most 10".
func (e *Error) Error() string { return "parameter " + e.Param + ": " + e.Why }

// Errors are all the parameters of one document that break a rule, each with its first broken rule, in the order of their declaration.
type Errors []*Error

// Error joins the sentences of all.
func (e Errors) Error() string {
	s := make([]string, len(e))
	for i, p := range e {
		s[i] = p.Error()
	}
	return strings.Join(s, "; ")
}

// ErrObject is wrapped by errors about params that are no valid JSON object.
var ErrObject = errors.New("params must be a JSON object")

// Check is [NewChecker] and [Checker.Check] in one, for a declaration that is
// used once.
func Check(params []Param, doc json.RawMessage) (json.RawMessage, error) {
	c, err := NewChecker(params)
	if err != nil {
		return nil, err
	}
	return c.Check(doc)
}

// Checker checks params against a declaration. It may be used by several
// goroutines at once.
type Checker struct{ params []checked }

// checked is a declared parameter with its pattern compiled.
type checked struct {
	Param

	pattern *regexp.Regexp
}

// NewChecker compiles a declaration. It refuses one that is wrong in itself:
// a name twice, an unknown type, a rule that does not fit the type, a default
// that breaks the rules.
func NewChecker(params []Param) (*Checker, error) {
	c := &Checker{params: make([]checked, 0, len(params))}
	seen := map[string]bool{}
	for _, p := range params {
		if p.Name == "" {
			return nil, errors.New("declare parameter: no name")
		}
		if seen[p.Name] {
			return nil, fmt.Errorf("declare parameter %s: declared twice", p.Name)
		}
		seen[p.Name] = true
		one, err := compile(p)
		if err != nil {
			return nil, fmt.Errorf("declare parameter %s: %w", p.Name, err)
		}
		c.params = append(c.params, one)
	}
	return c, nil
}

// compile checks one declaration against itself.
func compile(p Param) (checked, error) {
	c := checked{Param: p}
	if err := fits(p); err != nil {
		return c, err
	}
	if p.AllowedPattern != "" {
		if _, err := regexp.Compile(p.AllowedPattern); err != nil { // alone, so that "a)(b" is no pattern
			return c, err
		}
		c.pattern = regexp.MustCompile(`\A(?:` + p.AllowedPattern + `)\z`)
	}
	for _, v := range p.AllowedValues {
		if !jsontext.Value(v).IsValid() || c.typed(jsontext.Value(v)) != nil {
			return c, fmt.Errorf("an allowed value is not of type %s", p.Type)
		}
	}
	if p.Default == nil {
		return c, nil
	}
	d := jsontext.Value(p.Default)
	if !d.IsValid() {
		return c, errors.New("the default is not JSON")
	}
	if e := c.check(d); e != nil {
		return c, fmt.Errorf("the default %s", e.Why)
	}
	return c, nil
}

// fits reports a rule that makes no sense for the type.
func fits(p Param) error {
	numeric := p.Type == Number || p.Type == Integer
	switch {
	case !slices.Contains([]Type{String, Number, Integer, Boolean, Object, Array}, p.Type):
		return fmt.Errorf("unknown type %q", p.Type)
	case p.Type != String && (p.AllowedPattern != "" || p.MinLength != nil || p.MaxLength != nil):
		return fmt.Errorf("a pattern or length is for strings, not for type %s", p.Type)
	case !numeric && (p.MinValue != nil || p.MaxValue != nil):
		return fmt.Errorf("a minimum or maximum is for numbers, not for type %s", p.Type)
	case p.MinLength != nil && *p.MinLength < 0, p.MaxLength != nil && *p.MaxLength < 0:
		return errors.New("a length is negative")
	case p.MinLength != nil && p.MaxLength != nil && *p.MinLength > *p.MaxLength:
		return errors.New("the minimum length is above the maximum")
	case p.MinValue != nil && p.MaxValue != nil && *p.MinValue > *p.MaxValue:
		return errors.New("the minimum is above the maximum")
	}
	return nil
}

// Check checks a document, an object or nothing, and returns it with the
// defaults of missing parameters added at its end. All else stays as it was
// written, byte for byte: order, digits, white space, unknown parameters.
//
// A null counts as missing. Nothing is converted: "5" is no integer, nor is 5.0.
// The error is [Errors], or wraps [ErrObject].
func (c *Checker) Check(doc json.RawMessage) (json.RawMessage, error) { return c.run(doc, strict) }

// CheckMasked is Check for a document that may have been shown to somebody
// before: where a secret is declared, its mask stands for a value that was
// checked already. A secret is one that is declared so, or whose name says so.
func (c *Checker) CheckMasked(doc json.RawMessage) (json.RawMessage, error) {
	return c.run(doc, masked)
}

// Fill adds the defaults as [Checker.Check] does, and checks nothing but that
// doc is an object.
func (c *Checker) Fill(doc json.RawMessage) (json.RawMessage, error) { return c.run(doc, lenient) }

// mode says what is checked.
type mode int

const (
	strict  mode = iota // everything
	masked              // everything, but a masked secret passes
	lenient             // nothing
)

func (c *Checker) run(doc json.RawMessage, how mode) (json.RawMessage, error) {
	if len(doc) == 0 {
		doc = json.RawMessage("{}")
	}
	o, err := jsonvalue.Scan(doc)
	if errors.Is(err, jsonvalue.ErrNotObject) {
		return nil, ErrObject
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrObject, err)
	}
	at := make(map[string]int, len(o.Members))
	for i, m := range o.Members {
		at[m.Name] = i
	}
	e := edit{doc: doc, object: o}
	var bad Errors
	for i := range c.params {
		p := &c.params[i]
		pos, ok := at[p.Name]
		if !ok {
			pos = -1
		}
		if how == masked && ok && p.secret() && jsonvalue.Text(o.Members[pos].Value) == task.Mask {
			continue
		}
		if err := p.apply(&e, pos); err != nil && how != lenient {
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		return nil, bad
	}
	return e.bytes(), nil
}

// secret reports whether the parameter is shown masked.
func (c *checked) secret() bool { return c.NoEcho || task.Secret(c.Name) }

// apply checks the parameter at position i (-1 for none), or fills it in.
func (c *checked) apply(e *edit, i int) *Error {
	if i >= 0 && e.object.Members[i].Value.Kind() != jsontext.KindNull {
		return c.check(e.object.Members[i].Value)
	}
	switch {
	case c.Default != nil && i >= 0:
		e.replace(i, c.Default)
	case c.Default != nil:
		e.add(c.Name, c.Default)
	case c.Required:
		return c.fail("required", "is required")
	}
	return nil
}

func (c *checked) fail(rule, format string, args ...any) *Error {
	return &Error{Param: c.Name, Rule: rule, Why: fmt.Sprintf(format, args...)}
}

// check holds a value against every rule.
func (c *checked) check(v jsontext.Value) *Error {
	if err := c.typed(v); err != nil {
		return err
	}
	if len(c.AllowedValues) > 0 && !c.allowed(v) {
		return c.fail("allowedValues", "must be one of %s", c.values())
	}
	switch c.Type {
	case String:
		return c.checkText(jsonvalue.Text(v))
	case Number, Integer:
		return c.checkNumber(jsonvalue.Text(v))
	default:
		return nil
	}
}

func (c *checked) typed(v jsontext.Value) *Error {
	ok := false
	switch c.Type {
	case String:
		ok = v.Kind() == jsontext.KindString
	case Number:
		ok = v.Kind() == jsontext.KindNumber
	case Integer:
		ok = jsonvalue.Integer(v)
	case Boolean:
		ok = v.Kind() == jsontext.KindTrue || v.Kind() == jsontext.KindFalse
	case Object:
		ok = v.Kind() == jsontext.KindBeginObject
	case Array:
		ok = v.Kind() == jsontext.KindBeginArray
	}
	if ok {
		return nil
	}
	return c.fail("type", "must be %s", article(c.Type))
}

func article(t Type) string {
	if strings.ContainsRune("aio", rune(t[0])) {
		return "an " + string(t)
	}
	return "a " + string(t)
}

func (c *checked) allowed(v jsontext.Value) bool {
	return slices.ContainsFunc(c.AllowedValues, func(a json.RawMessage) bool {
		return jsonvalue.Equal(v, jsontext.Value(a))
	})
}

// values lists the allowed values, unless they are secrets.
func (c *checked) values() string {
	if c.secret() {
		return "its allowed values"
	}
	s := make([]string, len(c.AllowedValues))
	for i, v := range c.AllowedValues {
		s[i] = string(v)
	}
	return strings.Join(s, ", ")
}

func (c *checked) checkText(s string) *Error {
	n := utf8.RuneCountInString(s)
	switch {
	case c.MinLength != nil && n < *c.MinLength:
		return c.fail("minLength", "must have at least %d characters", *c.MinLength)
	case c.MaxLength != nil && n > *c.MaxLength:
		return c.fail("maxLength", "must have at most %d characters", *c.MaxLength)
	case c.pattern != nil && !c.pattern.MatchString(s):
		return c.fail("allowedPattern", "must match %s", c.AllowedPattern)
	}
	return nil
}

func (c *checked) checkNumber(lit string) *Error {
	switch {
	case c.MinValue != nil && jsonvalue.Compare(lit, *c.MinValue) < 0:
		return c.fail("minValue", "must be at least %v", *c.MinValue)
	case c.MaxValue != nil && jsonvalue.Compare(lit, *c.MaxValue) > 0:
		return c.fail("maxValue", "must be at most %v", *c.MaxValue)
	}
	return nil
}
