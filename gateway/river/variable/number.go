package variable

import (
	"math"
	"strconv"
	"strings"
)

// cut takes a JSON number toward zero to an integer, modulo 2^64. It costs no
// more for a huge exponent than for a small one.
func cut(lit string) int64 {
	digits, point, negative := split(lit)
	var n uint64
	for i := 0; i < point && i < len(digits); i++ {
		n = n*10 + uint64(digits[i]-'0')
	}
	for range min(point-len(digits), 64) { // 10^64 is a multiple of 2^64
		n *= 10
	}
	if negative {
		n = -n
	}
	return int64(n)
}

// split takes a number apart: its digits without the point, and where the
// point stands among them (it may be outside). The text must be a JSON number.
func split(lit string) (digits string, point int, negative bool) {
	lit, negative = strings.CutPrefix(lit, "-")
	mantissa, exp := lit, 0
	if i := strings.IndexAny(lit, "eE"); i >= 0 {
		mantissa = lit[:i]
		exp = exponent(lit[i+1:])
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	return whole + fraction, len(whole) + exp, negative
}

// exponent reads an exponent; beyond 32 bits it stops where nothing changes any more.
func exponent(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil && strings.HasPrefix(s, "-") {
		return math.MinInt32
	}
	if err != nil {
		return math.MaxInt32
	}
	return int(n)
}

// decimal is a number of any size: sign, digits, and how many stand behind the
// point. The digits behind the point are kept as they were written: to Java's
// BigDecimal 1.50 is not 1.5.
type decimal struct {
	negative bool
	digits   string
	scale    int // >= 0
}

// parseDecimal reads a number of at most [maxDigits] digits in plain notation,
// as JSON writes it or with a leading plus or zeros, as Java reads it too.
func parseDecimal(s string) (decimal, bool) {
	s = strings.TrimPrefix(s, "+")
	if len(s) > maxDigits || !numeric(s) {
		return decimal{}, false
	}
	digits, point, negative := split(s)
	d := decimal{negative: negative, digits: digits, scale: max(len(digits)-point, 0)}
	if d.scale > maxDigits || point > maxDigits {
		return decimal{}, false
	}
	if zeros := point - len(digits); zeros > 0 {
		d.digits += strings.Repeat("0", zeros)
	}
	return d, true
}

// numeric reports whether s is digits with an optional minus, point and exponent.
func numeric(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp := s[i+1:]
		if exp != "" && (exp[0] == '+' || exp[0] == '-') {
			exp = exp[1:]
		}
		if !allDigits(exp) {
			return false
		}
		s = s[:i]
	}
	whole, fraction, pointed := strings.Cut(s, ".")
	return allDigits(whole) && (!pointed || allDigits(fraction))
}

// allDigits reports whether s is one or more of 0 to 9.
func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// whole reports whether nothing stands behind the point.
func (d decimal) whole() bool { return d.scale == 0 }

// cut drops what stands behind the point.
func (d decimal) cut() decimal {
	d.digits = d.digits[:max(len(d.digits)-d.scale, 0)]
	d.scale = 0
	return d
}

// plain writes the number without an exponent and without needless zeros.
func (d decimal) plain() string {
	digits := d.digits
	if missing := d.scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole := strings.TrimLeft(digits[:len(digits)-d.scale], "0")
	if whole == "" {
		whole = "0"
	}
	s := whole
	if d.scale > 0 {
		s += "." + digits[len(digits)-d.scale:]
	}
	if d.negative && strings.Trim(s, "0.") != "" {
		return "-" + s
	}
	return s
}

// formatDouble writes a double so that it reads back as one: 1.0 rather than 1.
func formatDouble(f float64) string {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
