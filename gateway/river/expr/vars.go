package expr

import (
	"strconv"
)

// varsFunctions are the functions behind the prefixes var, vars and variables:
// how the variable is looked up, and the operator that is applied to it, if any.
var varsFunctions = map[string]struct {
	lookup   string // "optional", "otherwise" (takes a second argument), or "exists"
	operator string // of one operand, or of two (takes a second argument)
	operands int
}{
	"get":          {lookup: "optional"},
	"getOrDefault": {lookup: "otherwise"},
	"exists":       {lookup: "exists"}, "exist": {lookup: "exists"},
	"isEmpty": {"optional", "isempty", 1}, "empty": {"optional", "isempty", 1},
	"isNotEmpty": {"optional", "notempty", 1}, "notEmpty": {"optional", "notempty", 1},
	"equals": {"optional", "equal", 2}, "eq": {"optional", "equal", 2},
	"notEquals": {"optional", "unequal", 2}, "ne": {"optional", "unequal", 2},
	"lowerThan": {"optional", "less", 2}, "lessThan": {"optional", "less", 2}, "lt": {"optional", "less", 2},
	"lowerThanOrEquals": {"optional", "atmost", 2}, "lessThanOrEquals": {"optional", "atmost", 2}, "lte": {"optional", "atmost", 2},
	"greaterThan": {"optional", "more", 2}, "gt": {"optional", "more", 2},
	"greaterThanOrEquals": {"optional", "atleast", 2}, "gte": {"optional", "atleast", 2},
}

// function reads vars:get(x) and its kin; x is a name, quoted or not.
func (p *parser) function() (string, error) {
	for range 2 { // the prefix and the colon
		if err := p.advance(); err != nil {
			return "", err
		}
	}
	f, ok := varsFunctions[p.tok.text]
	if p.tok.kind == "string" || !ok {
		return "", p.unexpected("get, getOrDefault, exists, empty, eq or another function of variables")
	}
	if err := p.advance(); err != nil {
		return "", err
	}
	name, err := p.variable()
	if err != nil {
		return "", err
	}
	ref := noRef // what follows is no path into the variable
	if f.lookup == "optional" && f.operator == "" {
		ref = len(p.out.refs) - 1
	}
	code := invoke(f.lookup, name)
	if f.lookup == "otherwise" || f.operands == 2 {
		second, err := p.second()
		if err != nil {
			return "", err
		}
		if f.lookup == "otherwise" {
			code = invoke(f.lookup, name, second)
		} else {
			code = invoke(f.operator, code, second)
		}
	}
	if f.operands == 1 {
		code = invoke(f.operator, code)
	}
	if err := p.expect(")"); err != nil {
		return "", err
	}
	return p.members(code, ref)
}

// variable reads a parenthesis and the name of a variable, and gives its position.
func (p *parser) variable() (string, error) {
	if err := p.expect("("); err != nil {
		return "", err
	}
	if p.tok.kind != "name" && p.tok.kind != "string" {
		return "", p.unexpected("the name of a variable")
	}
	name := p.tok.text
	p.out.refs = append(p.out.refs, Ref{Path: []string{name}, Optional: true})
	return strconv.Itoa(p.name(name)), p.advance()
}

// second reads a comma and an expression.
func (p *parser) second() (string, error) {
	if err := p.expect(","); err != nil {
		return "", err
	}
	return p.ternary()
}
