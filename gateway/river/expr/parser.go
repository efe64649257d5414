package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// parser translates one expression into the library's language. What it gives
// the library has only names of functions below, positions in the lists of an
// [expression], and the signs && || ? : and parentheses; see run.go for the
// functions.
type parser struct {
	lexer  lexer
	tok    token
	limits Limits
	nodes  int
	depth  int
	out    expression
}

// expression reads from behind the opening mark to behind the closing brace.
func (p *parser) expression() (*expression, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	code, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != "}" {
		return nil, p.unexpected("an operator or }")
	}
	if err := p.out.finish(code, p.limits); err != nil {
		return nil, p.lexer.fail(p.tok.at, "%v", err)
	}
	return &p.out, nil
}

// fail makes an error at a position.
func (l *lexer) fail(at int, format string, args ...any) error {
	return &SyntaxError{Text: clip(l.text), Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// unexpected says what should stand where the current token is.
func (p *parser) unexpected(want string) error {
	switch got := p.tok; {
	case got.kind == "end":
		return p.lexer.fail(got.at, "the text ends where %s is expected", want)
	case got.text != "":
		return p.lexer.fail(got.at, "%s is expected, not %q", want, clip(got.text))
	default:
		return p.lexer.fail(got.at, "%s is expected, not %q", want, got.kind)
	}
}

// advance reads the next token.
func (p *parser) advance() (err error) {
	p.tok, err = p.lexer.next()
	return err
}

// expect goes past a sign that must stand here.
func (p *parser) expect(kind string) error {
	if p.tok.kind != kind {
		return p.unexpected(strconv.Quote(kind))
	}
	return p.advance()
}

// node counts towards the limit.
func (p *parser) node() error {
	if p.nodes++; p.nodes > p.limits.MaxNodes {
		return p.lexer.fail(p.tok.at, "more than %d operators, names and literals, split it up", p.limits.MaxNodes)
	}
	return nil
}

// nested runs f one level deeper.
func (p *parser) nested(f func() (string, error)) (string, error) {
	if p.depth++; p.depth > p.limits.MaxDepth {
		return "", p.lexer.fail(p.tok.at, "nested deeper than %d, make it simpler", p.limits.MaxDepth)
	}
	defer func() { p.depth-- }()
	return f()
}

// invoke writes a call of one of our functions.
func invoke(function string, args ...string) string {
	return function + "($env, " + strings.Join(args, ", ") + ")"
}

// ternary reads a ? b : c, or what binds tighter.
func (p *parser) ternary() (string, error) {
	return p.nested(func() (string, error) {
		first := len(p.out.refs)
		cond, err := p.binary(0)
		if err != nil || p.tok.kind != "?" {
			return cond, err
		}
		if err := p.advance(); err != nil {
			return "", err
		}
		yes, err := p.ternary()
		if err != nil {
			return "", err
		}
		if err := p.expect(":"); err != nil {
			return "", err
		}
		no, err := p.ternary()
		if err != nil {
			return "", err
		}
		p.optional(first)
		return "(" + invoke("truth", cond) + " ? " + yes + " : " + no + ")", p.node()
	})
}

// levels are the operators of two operands, loosest first, with the function
// that each becomes. Those of truth stay operators, so that the right side is
// not looked at in vain.
var levels = []map[string]string{
	{"||": ""},
	{"&&": ""},
	{"==": "equal", "!=": "unequal"},
	{"<": "less", "<=": "atmost", ">": "more", ">=": "atleast"},
	{"+": "add", "-": "sub"},
	{"*": "mul", "/": "div", "%": "rem"},
}

// binary reads operators of one level and what binds tighter.
func (p *parser) binary(level int) (string, error) {
	if level == len(levels) {
		return p.unary()
	}
	first := len(p.out.refs)
	left, err := p.binary(level + 1)
	if err != nil {
		return "", err
	}
	for links := 1; ; links++ {
		op := p.tok
		function, ok := levels[level][op.kind]
		if !ok {
			return left, nil
		}
		if p.depth+links > p.limits.MaxDepth { // a chain nests to the left
			return "", p.lexer.fail(op.at, "more than %d operators in a row, use parentheses", p.limits.MaxDepth)
		}
		if err := p.advance(); err != nil {
			return "", err
		}
		right, err := p.binary(level + 1)
		if err != nil {
			return "", err
		}
		if p.null(left) || p.null(right) {
			p.optional(first)
		}
		if function == "" {
			left = "(" + invoke("truth", left) + " " + op.kind + " " + invoke("truth", right) + ")"
		} else {
			left = invoke(function, left, right)
		}
		if err := p.node(); err != nil {
			return "", err
		}
	}
}

// prefixes are the operators of one operand.
var prefixes = map[string]string{"!": "inverse", "-": "neg", "empty": "isempty"}

// unary reads an operator of one operand, or a value with its members.
func (p *parser) unary() (string, error) {
	function, ok := prefixes[p.tok.kind]
	if !ok {
		return p.primary()
	}
	first, asks := len(p.out.refs), p.tok.kind == "empty"
	if err := p.advance(); err != nil {
		return "", err
	}
	operand, err := p.nested(p.unary)
	if err != nil {
		return "", err
	}
	if asks {
		p.optional(first)
	}
	return invoke(function, operand), p.node()
}

// primary reads a literal, a name with its members, a function or parentheses.
func (p *parser) primary() (string, error) {
	if err := p.node(); err != nil {
		return "", err
	}
	tok := p.tok
	switch tok.kind {
	case "number":
		v, err := literal(tok.text)
		if err != nil {
			return "", p.lexer.fail(tok.at, "%v", err)
		}
		return p.constant(v)
	case "string":
		return p.constant(variable.String(tok.text))
	case "(":
		return p.parenthesis()
	case "name":
		return p.named()
	}
	return "", p.unexpected("a value")
}

// literal reads a number: a long, or a double if it has a point or an exponent.
func literal(s string) (variable.Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return variable.Value{}, errors.New("the number does not fit in 64 bits")
		}
		return variable.Long(n), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return variable.Value{}, errors.New("the number does not fit in a double")
	}
	return variable.Double(f), nil
}

// optional marks references, from the first one on, as ready for nothing.
func (p *parser) optional(first int) {
	for i := first; i < len(p.out.refs); i++ {
		p.out.refs[i].Optional = true
	}
}

// null reports whether code is the literal null.
func (p *parser) null(code string) bool {
	for i, c := range p.out.constants {
		if c.IsNull() && code == constantCode(i) {
			return true
		}
	}
	return false
}

// constant keeps a literal and goes past it.
func (p *parser) constant(v variable.Value) (string, error) {
	p.out.constants = append(p.out.constants, v)
	if err := p.advance(); err != nil {
		return "", err
	}
	return p.members(constantCode(len(p.out.constants)-1), noRef)
}

// parenthesis reads what stands in parentheses.
func (p *parser) parenthesis() (string, error) {
	if err := p.advance(); err != nil {
		return "", err
	}
	code, err := p.ternary()
	if err != nil {
		return "", err
	}
	if err := p.expect(")"); err != nil {
		return "", err
	}
	return p.members(code, noRef)
}

// named reads what begins with a name: true, false, null, a function or a variable.
func (p *parser) named() (string, error) {
	switch name := p.tok.text; name {
	case "true", "false":
		return p.constant(variable.Boolean(name == "true"))
	case "null":
		return p.constant(variable.Null())
	case "var", "vars", "variables":
		if strings.HasPrefix(p.lexer.text[p.lexer.at:], ":") {
			return p.function()
		}
	}
	name := p.tok.text
	if err := p.advance(); err != nil {
		return "", err
	}
	p.out.refs = append(p.out.refs, Ref{Path: []string{name}})
	return p.members(lookupCode(p.name(name)), len(p.out.refs)-1)
}

// name keeps a name and gives its position.
func (p *parser) name(name string) int {
	p.out.names = append(p.out.names, name)
	return len(p.out.names) - 1
}
