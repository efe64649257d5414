package bpmn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// skipped are the BPMN elements that draw, describe or declare, and do nothing in a run.
var skipped = set(
	"documentation", "extensionElements", "laneSet", "textAnnotation", "association", "group",
	"dataObjectReference", "dataStoreReference", "dataStore", "ioSpecification", "property",
	"dataInputAssociation", "dataOutputAssociation", "dataInput", "dataOutput", "inputSet", "outputSet",
	"auditing", "monitoring", "category", "correlationSubscription", "supportedInterfaceRef",
	"incoming", "outgoing", "ioBinding", "resourceRole", "performer",
)

// skippedRoot are those more that may stand at the top of a file, where what uses
// them is refused if it is not supported.
var skippedRoot = set(
	"collaboration", "import", "itemDefinition", "interface", "endPoint", "escalation", "resource",
	"extension", "relationship", "partnerEntity", "partnerRole", "correlationProperty",
	"choreography", "conversation", "globalConversation",
)

// refusedExtensions are the elements of Flowable that would change what a process does.
var refusedExtensions = set("executionListener", "taskListener", "eventListener", "variableAggregation")

// refusedAttributes are such attributes.
var refusedAttributes = []string{"skipExpression"}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// maxName is how long ids and the names of variables may be, in characters.
const maxName = 255

// wellFormedID reports whether XML allows an id, and it is not too long.
func wellFormedID(id string) bool {
	for i, r := range id {
		if r == utf8.RuneError || !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.In(r, unicode.M, unicode.N) && !strings.ContainsRune(".-·", r)) {
			return false
		}
	}
	return id != "" && utf8.RuneCountInString(id) <= maxName
}

// variableName reports whether a variable that the model names may have a name.
func variableName(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= maxName && !strings.ContainsAny(name, " \t\n\f\r$#{}")
}

// dynamic reports whether a text holds an expression.
func dynamic(text string) bool {
	return strings.Contains(text, "${") || strings.Contains(text, "#{")
}

// split returns the parts of a list with commas between, but not with commas within ${…}.
func split(list string) []string {
	var parts []string
	depth, from := 0, 0
	for i := 0; i <= len(list); i++ {
		switch {
		case i == len(list) || list[i] == ',' && depth == 0:
			if part := strings.TrimSpace(list[from:i]); part != "" {
				parts = append(parts, part)
			}
			from = i + 1
		case list[i] == '{' || list[i] == '(':
			depth++
		case (list[i] == '}' || list[i] == ')') && depth > 0:
			depth--
		}
	}
	return parts
}
