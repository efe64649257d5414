package rivertest

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Scenario is a parsed file.
type Scenario struct {
	About  string
	Models []Model
	Steps  []Step
}

// Model is one file to deploy.
type Model struct {
	Name, Tenant string
	XML          []byte
}

// Step is a command with what it is expected to show.
type Step struct {
	Command string
	Want    string
}

const scriptSection = "script"

// Load reads a scenario.
func Load(path string) (*Scenario, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Scenario{}
	about, rest, _ := strings.Cut("\n"+string(raw), "\n-- ")
	s.About = strings.TrimSpace(about)
	for part := range strings.SplitSeq(rest, "\n-- ") {
		name, body, ok := strings.Cut(part, " --\n")
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: section %.30q has no end of its title", path, part)
		case name == scriptSection:
			s.Steps = steps(body)
		default:
			name, tenant, _ := strings.Cut(name, " @")
			s.Models = append(s.Models, Model{Name: name, Tenant: tenant, XML: XML(name, body)})
		}
	}
	if len(s.Steps) == 0 {
		return nil, errors.New(path + ": no script")
	}
	return s, nil
}

func steps(body string) []Step {
	var out []Step
	for line := range strings.Lines(body) {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			out = append(out, Step{Command: strings.TrimSpace(command)})
		} else if len(out) > 0 && strings.TrimSpace(line) != "" {
			out[len(out)-1].Want += line
		}
	}
	return out
}

// Save writes the answers of a run into a scenario's file.
func Save(path string, all []Step) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, _, _ := strings.Cut(string(raw), "-- "+scriptSection+" --\n")
	var b strings.Builder
	b.WriteString(head + "-- " + scriptSection + " --\n")
	for i := range all {
		b.WriteString("> " + all[i].Command + "\n" + all[i].Want)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

const frame = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn"
 xmlns:riverstones="http://riverstones.io/bpmn" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="test">
<signal id="goSignal" name="go"/><signal id="innerSignal" name="inner" flowable:scope="processInstance"/>
<message id="mailMessage" name="mail"/>
<error id="badError" errorCode="BAD"/><error id="worseError" errorCode="WORSE"/>
%s
</definitions>`

var (
	arrows = regexp.MustCompile(`(?m)^[ \t]*(\w+(?: -> \w+)+)(?: (\$\{.*\}))?(?: #(\w+))?[ \t]*$`)
	amp    = strings.NewReplacer("&", "&amp;", "<", "&lt;")
)

// XML makes a file of a section: the elements of a process, or whole processes.
func XML(name, body string) []byte {
	xml := arrows.ReplaceAllStringFunc(body, func(line string) string {
		m := arrows.FindStringSubmatch(line)
		nodes := strings.Split(m[1], " -> ")
		var b strings.Builder
		for i := 1; i < len(nodes); i++ {
			fmt.Fprintf(&b, `<sequenceFlow sourceRef=%q targetRef=%q`, nodes[i-1], nodes[i])
			if m[3] != "" {
				fmt.Fprintf(&b, ` id=%q`, m[3])
			}
			b.WriteString(">")
			if m[2] != "" {
				b.WriteString(`<conditionExpression xsi:type="tFormalExpression">` + amp.Replace(m[2]) + `</conditionExpression>`)
			}
			b.WriteString("</sequenceFlow>")
		}
		return b.String()
	})
	if !strings.Contains(xml, "<process ") {
		xml = fmt.Sprintf("<process id=%q name=%q>\n%s</process>", name, strings.ToUpper(name), xml)
	}
	return fmt.Appendf(nil, frame, xml)
}
