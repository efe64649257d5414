package expr

import (
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// noRef says that a value is no variable's.
const noRef = -1

// members reads what follows a value: .name, [index]. A static path grows the
// reference at position ref, if there is one.
func (p *parser) members(code string, ref int) (string, error) {
	for links := 1; ; links++ {
		var key string
		var static bool
		var err error
		switch p.tok.kind {
		case ".":
			key, err = p.dotted()
			static = true
		case "[":
			key, static, err = p.indexed()
		case "(":
			return "", p.lexer.fail(p.tok.at, "methods and functions are not supported, use operators and members")
		default:
			return code, nil
		}
		if err == nil && p.depth+links > p.limits.MaxDepth {
			err = p.lexer.fail(p.tok.at, "a path of more than %d members", p.limits.MaxDepth)
		}
		if err != nil {
			return "", err
		}
		ref = p.extend(ref, static)
		code = invoke("member", code, key)
	}
}

// extend adds the constant read last to a reference, unless the path is not
// static from here on.
func (p *parser) extend(ref int, static bool) int {
	if ref == noRef {
		return noRef
	}
	r := &p.out.refs[ref]
	if !static {
		r.Partial = true
		return noRef
	}
	r.Path = append(r.Path, p.out.constants[len(p.out.constants)-1].Text())
	return ref
}

// dotted reads a dot and a name, which may be one of the words.
func (p *parser) dotted() (string, error) {
	if err := p.advance(); err != nil {
		return "", err
	}
	if p.tok.kind != "name" && words[p.tok.text] == "" || p.tok.kind == "string" {
		return "", p.unexpected("the name of a member")
	}
	p.out.constants = append(p.out.constants, variable.String(p.tok.text))
	return constantCode(len(p.out.constants) - 1), p.advance()
}

// indexed reads an index in brackets, and tells whether it is a literal.
func (p *parser) indexed() (code string, static bool, err error) {
	if err := p.advance(); err != nil {
		return "", false, err
	}
	before := len(p.out.constants)
	if code, err = p.ternary(); err != nil {
		return "", false, err
	}
	return code, code == constantCode(before), p.expect("]")
}

// constantCode is the code for the constant at a position.
func constantCode(i int) string { return invoke("constant", strconv.Itoa(i)) }

// lookupCode is the code for the variable whose name is at a position.
func lookupCode(i int) string { return invoke("lookup", strconv.Itoa(i)) }

// pathCode is the code for a variable and members that follow it, if nothing
// else is in the expression.
func pathCode(path []string) string {
	code := lookupCode(0)
	for i := range path[1:] {
		code = invoke("member", code, constantCode(i))
	}
	return code
}

// isIndex reports whether s is a position in an array.
func isIndex(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
