package expr

import (
	"math"
	"math/big"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// operation calculates with two numbers of one class.
type operation func(x, y number) (number, error)

// arithmetic makes an operator. Two nulls give the long 0, whatever the operator.
func arithmetic(f operation) func(*run, variable.Value, variable.Value) (variable.Value, error) {
	return func(r *run, a, b variable.Value) (variable.Value, error) {
		if a.IsNull() && b.IsNull() {
			return variable.Long(0), nil
		}
		const factor = 64 // big numbers take much longer than to be looked at
		if err := r.charge(factor * (a.Size() + b.Size())); err != nil {
			return variable.Value{}, err
		}
		x, y, err := both(a, b)
		if err != nil {
			return variable.Value{}, err
		}
		n, err := f(x, y)
		if err != nil {
			return variable.Value{}, err
		}
		return n.value()
	}
}

func addition(x, y number) (number, error) {
	switch x.class {
	case long:
		return number{i: x.i + y.i}, nil
	case double:
		return number{class: double, f: x.f + y.f}, nil
	}
	a, b, scale := align(x, y)
	return number{class: x.class, big: new(big.Int).Add(a, b), scale: scale}, nil
}

func subtraction(x, y number) (number, error) { return addition(x, y.negative()) }

func multiplication(x, y number) (number, error) {
	switch x.class {
	case long:
		return number{i: x.i * y.i}, nil
	case double:
		return number{class: double, f: x.f * y.f}, nil
	}
	return number{class: x.class, big: new(big.Int).Mul(x.big, y.big), scale: x.scale + y.scale}, nil
}

// division gives a double, or of big numbers a bigDecimal with the scale of x,
// rounded half up.
func division(x, y number) (number, error) {
	if x.class < bigInteger {
		if y.float() == 0 {
			return number{}, errZero
		}
		return number{class: double, f: x.float() / y.float()}, nil
	}
	if y.big.Sign() == 0 {
		return number{}, errZero
	}
	n := new(big.Int).Mul(x.big, power(y.scale))
	quotient, rest := new(big.Int).QuoRem(n, y.big, new(big.Int))
	if rest.Abs(rest.Lsh(rest, 1)).CmpAbs(y.big) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(n.Sign()*y.big.Sign())))
	}
	return number{class: bigDecimal, big: quotient, scale: x.scale}, nil
}

// remainder has the sign of x; of decimals it is a double.
func remainder(x, y number) (number, error) {
	switch {
	case x.class == long && y.i != 0:
		return number{i: x.i % y.i}, nil
	case x.class == bigInteger && y.big.Sign() != 0:
		return number{class: bigInteger, big: new(big.Int).Rem(x.big, y.big)}, nil
	case (x.class == double || x.class == bigDecimal) && y.float() != 0:
		return number{class: double, f: math.Mod(x.float(), y.float())}, nil
	}
	return number{}, errZero
}

// negative turns the sign around.
func (n number) negative() number {
	n.i, n.f = -n.i, -n.f
	if n.big != nil {
		n.big = new(big.Int).Neg(n.big)
	}
	return n
}

// negate is -a; it keeps the type of integer and short.
func negate(_ *run, v variable.Value) (variable.Value, error) {
	n, err := toNumber(v)
	if err != nil {
		return variable.Value{}, err
	}
	if i, ok := v.Int(); ok && v.Type() != variable.TypeLong {
		return variable.Decode(v.Type(), []byte(variable.Long(-i).Text()))
	}
	return n.negative().value()
}
