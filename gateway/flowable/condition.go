package flowable

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// condition is a condition on a variable, as a client sends it.
type condition struct {
	given

	Operation *string `json:"operation"`
}

// maxConditions bounds the conditions of one query.
const maxConditions = 50

// operations are those that can be asked for here.
var operations = map[string]store.Operation{
	"equals": store.Equals, "notEquals": store.NotEquals,
	"equalsIgnoreCase": store.EqualsFold, "notEqualsIgnoreCase": store.NotEqualsFold,
}

// elsewhere are operations that Flowable knows, but not for these lists.
var elsewhere = []string{
	"like", "likeIgnoreCase", "greaterThan", "greaterThanOrEquals", "lessThan", "lessThanOrEquals", "exists", "notExists",
}

// conditions reads conditions.
func (p *pick) conditions(limits variable.Limits, member string, list []*condition) []store.Condition {
	if len(list) > maxConditions {
		p.fail("%s: at most %d conditions are taken at once, these are %d", member, maxConditions, len(list))
		return nil
	}
	var out []store.Condition
	for i, c := range list {
		if c == nil {
			p.fail("%s: condition %d is null", member, i)
			return nil
		}
		one, err := c.read(limits)
		if err != nil {
			p.fail("%s: %s", member, fault.Of(err).Detail)
			return nil
		}
		one.Name = p.text(c.Name)
		out = append(out, one)
	}
	return out
}

// read checks a condition in Flowable's order.
func (c *condition) read(limits variable.Limits) (store.Condition, error) {
	if c.Operation == nil {
		return store.Condition{}, fault.New(fault.Invalid, "operation of a condition is missing")
	}
	op, here := operations[*c.Operation]
	if !here && !slices.Contains(elsewhere, *c.Operation) {
		return store.Condition{}, fault.New(fault.Invalid, "operation %s is not known", quote(*c.Operation))
	}
	if c.Value == nil || c.Value.Kind() == jsontext.KindNull {
		return store.Condition{}, fault.New(fault.Invalid, "value of a condition is missing")
	}
	value, err := c.given.read(limits)
	if err != nil {
		return store.Condition{}, err
	}
	if c.Name == nil && op != store.Equals {
		return store.Condition{}, fault.New(fault.Invalid, "name of a condition is missing: only equals goes without")
	}
	if !here {
		return store.Condition{}, fault.New(fault.Invalid, "operation %s is not for this list: send equals, notEquals, equalsIgnoreCase or notEqualsIgnoreCase", quote(*c.Operation))
	}
	if (op == store.EqualsFold || op == store.NotEqualsFold) && value.Type() != variable.TypeString {
		return store.Condition{}, fault.New(fault.Invalid, "operation %s takes a string as value", *c.Operation)
	}
	return store.Condition{Operation: op, Type: value.Type(), Key: value.KindKey(), Fold: value.FoldKey()}, nil
}
