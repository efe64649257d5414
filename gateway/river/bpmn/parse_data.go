package bpmn

import (
	"strconv"
	"strings"
)

// dataTypes are the types of data objects that become variables. A data object
// of another type, or of none, is a drawing.
var dataTypes = set("string", "boolean", "datetime", "double", "int", "long")

// data reads a data object, as Flowable has it: a variable with a value to begin with.
func (b *builder) data(s *Scope, e *element) {
	d := DataObject{
		ID: e.attr("id"), Name: e.attr("name"), Line: e.line,
		Type: strings.ToLower(local(e.attr("itemSubjectRef"))),
	}
	for _, x := range e.extensions() {
		if x.flowable() && x.name.Local == "value" {
			d.Value = x.text
		}
	}
	if d.Name == "" || !dataTypes[d.Type] {
		return
	}
	if err := d.check(); err != nil {
		b.fail(e, "the value %q is no %s", d.Value, d.Type)
	}
	s.Data = append(s.Data, d)
}

// check reports a value that is not of the type.
func (d *DataObject) check() (err error) {
	if d.Value == "" {
		return nil
	}
	switch d.Type {
	case "boolean":
		_, err = strconv.ParseBool(d.Value)
	case "double":
		_, err = strconv.ParseFloat(d.Value, 64)
	case "int":
		_, err = strconv.ParseInt(d.Value, 10, 32)
	case "long":
		_, err = strconv.ParseInt(d.Value, 10, 64)
	}
	return err
}
