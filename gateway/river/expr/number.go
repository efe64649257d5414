package expr

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// class is how a number calculates; in an operation the wider class wins.
type class uint8

const (
	long class = iota
	double
	bigInteger
	bigDecimal
)

// maxBits bounds big numbers, about 10 000 digits; maxScale the digits behind the point.
const (
	maxBits  = 33_000
	maxScale = 10_000
)

var (
	errNoNumber = errors.New("a string is no number, but stands where one is needed; texts are joined by ${a}${b}")
	errZero     = errors.New("division by zero")
	errRange    = errors.New("the result does not fit in a double")
	errBig      = &LimitError{Reason: "the result has too many digits"}
)

// number is a value to calculate with. A bigDecimal is big / 10^scale.
type number struct {
	class class
	i     int64
	f     float64
	big   *big.Int
	scale int
}

// isNumber reports whether the type is one of numbers.
func isNumber(v variable.Value) bool {
	switch v.Type() {
	case variable.TypeInteger, variable.TypeShort, variable.TypeLong, variable.TypeDouble, variable.TypeBigInteger, variable.TypeBigDecimal:
		return true
	}
	return false
}

// toNumber reads a value as a number.
func toNumber(v variable.Value) (number, error) {
	if n, ok := v.Int(); ok {
		return number{i: n}, nil
	}
	if f, ok := v.Float(); ok {
		return number{class: double, f: f}, nil
	}
	switch v.Type() {
	case "":
		return number{}, nil
	case variable.TypeBigInteger:
		return parseDecimal(v.Text(), bigInteger)
	case variable.TypeBigDecimal:
		return parseDecimal(v.Text(), bigDecimal)
	case variable.TypeString:
		return parseNumber(v.Text())
	}
	return number{}, errors.New("a value of type " + v.Type() + " is no number")
}

// parseNumber reads a string as JUEL does: a double if it has a point or an
// exponent, else an integer; an empty one is 0.
func parseNumber(s string) (number, error) {
	if s == "" {
		return number{}, nil
	}
	if strings.Trim(s, "+-0123456789.eE") != "" || len(s) > maxScale {
		return number{}, errNoNumber
	}
	if !strings.ContainsAny(s, ".eE") {
		n, err := strconv.ParseInt(s, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return parseDecimal(s, bigInteger)
		}
		if err != nil {
			return number{}, errNoNumber
		}
		return number{i: n}, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return number{}, errNoNumber
	}
	return number{class: double, f: f}, nil
}

// parseDecimal reads plain notation.
func parseDecimal(s string, c class) (number, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return number{}, errNoNumber
	}
	return number{class: c, big: n, scale: len(fraction)}, nil
}

// value makes a variable's value of the result of a calculation.
func (n number) value() (variable.Value, error) {
	switch n.class {
	case long:
		return variable.Long(n.i), nil
	case double:
		if math.IsInf(n.f, 0) || math.IsNaN(n.f) {
			return variable.Value{}, errRange
		}
		return variable.Double(n.f), nil
	}
	if n.big.BitLen() > maxBits || n.scale > maxScale {
		return variable.Value{}, errBig
	}
	if n.class == bigInteger {
		return variable.BigInteger(n.big), nil
	}
	return variable.BigDecimal(n.big, n.scale), nil
}

// both reads two values as numbers of one class.
func both(a, b variable.Value) (x, y number, err error) {
	if x, err = toNumber(a); err != nil {
		return x, y, err
	}
	if y, err = toNumber(b); err != nil {
		return x, y, err
	}
	c := max(x.class, y.class)
	if c == bigInteger && (x.class == double || y.class == double) {
		c = bigDecimal
	}
	return x.to(c), y.to(c), nil
}

// to widens a number.
func (n number) to(c class) number {
	switch {
	case n.class == c:
	case c == double:
		n.f = n.float()
	case n.class == long:
		n.big = big.NewInt(n.i)
	case n.class == double: // by its shortest decimal: 0.1 is a tenth
		n, _ = parseDecimal(strconv.FormatFloat(n.f, 'f', -1, 64), c)
	}
	n.class = c
	return n
}

// float is the nearest double.
func (n number) float() float64 {
	switch n.class {
	case long:
		return float64(n.i)
	case double:
		return n.f
	}
	f, _ := new(big.Rat).SetFrac(n.big, power(n.scale)).Float64()
	return f
}

// power is 10^n.
func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// align gives two numbers the same scale.
func align(x, y number) (a, b *big.Int, scale int) {
	scale = max(x.scale, y.scale)
	a, b = x.big, y.big
	if x.scale < scale {
		a = new(big.Int).Mul(a, power(scale-x.scale))
	}
	if y.scale < scale {
		b = new(big.Int).Mul(b, power(scale-y.scale))
	}
	return a, b, scale
}

// compareNumbers orders two values of which at least one is a number.
func compareNumbers(a, b variable.Value) (int, error) {
	x, y, err := both(a, b)
	if err != nil {
		return 0, err
	}
	switch x.class {
	case long:
		return cmp.Compare(x.i, y.i), nil
	case double:
		return cmp.Compare(x.f, y.f), nil
	}
	m, n, _ := align(x, y)
	return m.Cmp(n), nil
}
