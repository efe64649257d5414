package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a piece of the language. Words and signs that mean the same share a
// kind, which is the sign.
type token struct {
	kind string // "name", "string", "number", "end", or an operator's sign
	text string // of a name, a string without its quotes, or a number
	at   int    // bytes from the start of the template
}

// words are the operators that are written as words.
var words = map[string]string{
	"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
	"and": "&&", "or": "||", "not": "!", "div": "/", "mod": "%", "empty": "empty",
}

// signs are the operators, longer ones before their beginnings.
var signs = []string{
	"==", "!=", "<=", ">=", "&&", "||",
	"<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ".", ",", "?", ":", "}",
}

// lexer reads tokens from position at on.
type lexer struct {
	text string
	at   int
}

// next reads one token.
func (l *lexer) next() (token, error) {
	for l.at < len(l.text) && strings.IndexByte(" \t\r\n\f", l.text[l.at]) >= 0 {
		l.at++
	}
	if l.at == len(l.text) {
		return token{kind: "end", at: l.at}, nil
	}
	rest := l.text[l.at:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'' || r == '"':
		return l.quoted(rest[0])
	case isDigit(rest[0]) || rest[0] == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number(), nil
	case nameRune(r, true):
		return l.name(), nil
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s) {
			l.at += len(s)
			return token{kind: s, at: l.at - len(s)}, nil
		}
	}
	return token{}, l.fail(l.at, "%q has no meaning here", r)
}

// name reads a name or a word.
func (l *lexer) name() token {
	start := l.at
	for l.at < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.at:])
		if !nameRune(r, false) {
			break
		}
		l.at += size
	}
	text := l.text[start:l.at]
	if sign, ok := words[text]; ok {
		return token{kind: sign, text: text, at: start}
	}
	return token{kind: "name", text: text, at: start}
}

// nameRune reports whether r may stand in a name, or begin one.
func nameRune(r rune, first bool) bool {
	return r == '_' || r == '$' || r != utf8.RuneError && unicode.IsLetter(r) || !first && unicode.IsDigit(r)
}

// isDigit reports whether c is one of 0 to 9.
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads digits with an optional point and exponent.
func (l *lexer) number() token {
	start := l.at
	l.digits()
	if l.at+1 < len(l.text) && l.text[l.at] == '.' && isDigit(l.text[l.at+1]) {
		l.at++
		l.digits()
	}
	if l.at < len(l.text) && (l.text[l.at] == 'e' || l.text[l.at] == 'E') {
		mark := l.at
		l.at++
		if l.at < len(l.text) && (l.text[l.at] == '+' || l.text[l.at] == '-') {
			l.at++
		}
		if first := l.at; l.digits() == first {
			l.at = mark
		}
	}
	return token{kind: "number", text: l.text[start:l.at], at: start}
}

// digits skips digits and returns the position behind them.
func (l *lexer) digits() int {
	for l.at < len(l.text) && isDigit(l.text[l.at]) {
		l.at++
	}
	return l.at
}

// quoted reads a string. A backslash stands before a quote or a backslash.
func (l *lexer) quoted(quote byte) (token, error) {
	start := l.at
	var b strings.Builder
	for i := start + 1; i < len(l.text); i++ {
		switch c := l.text[i]; c {
		case quote:
			l.at = i + 1
			return token{kind: "string", text: b.String(), at: start}, nil
		case '\\':
			i++
			if i == len(l.text) || l.text[i] != '\\' && l.text[i] != '\'' && l.text[i] != '"' {
				return token{}, l.fail(i-1, "in a string a backslash must stand before a quote or a backslash, double it")
			}
			b.WriteByte(l.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, l.fail(start, "the string has no end, close it with %c", quote)
}
