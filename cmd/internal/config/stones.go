package config

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/knadh/koanf/v2"

	"github.com/riverstones/riverstones/stone/commandstone"
	"github.com/riverstones/riverstones/stone/httpstone"
	"github.com/riverstones/riverstones/stone/machinestone"
)

// MachineStone is the code of the reference stone.
const MachineStone = "MachineStone"

// Stones are the built-in stones of the worker role.
type Stones struct {
	HTTP    []httpstone.Config
	Command []commandstone.Config
	Machine bool // the reference stone, too
	// Machines tunes the reference stone. Its zero value is the default, with
	// the machines below [Config].Data.
	Machines machinestone.Config
	// MachinesEnd makes the machines of the reference stone end with this
	// process, which they outlive otherwise.
	MachinesEnd bool
}

// The sections of the file that define stones.
const (
	sectionHTTP    = "http-stones"
	sectionCommand = "command-stones"
	sectionMachine = "machine-stone"
)

var sections = []string{sectionHTTP, sectionCommand, sectionMachine}

// Codes returns the codes of all configured stones.
func (s *Stones) Codes() []string {
	var codes []string
	if s.Machine {
		codes = append(codes, MachineStone)
	}
	for i := range s.HTTP {
		codes = append(codes, s.HTTP[i].Code)
	}
	for i := range s.Command {
		codes = append(codes, s.Command[i].Code)
	}
	return codes
}

// Runs reports whether the worker is to run a stone.
func (c *Config) Runs(code string) bool {
	return len(c.Work.Stones) == 0 || slices.Contains(c.Work.Stones, code)
}

// readStones reads the sections that define stones, and finds codes that are
// used twice.
func readStones(k *koanf.Koanf, base Stones, p *Problems) Stones {
	s := Stones{Machine: base.Machine, Machines: base.Machines, MachinesEnd: base.MachinesEnd, HTTP: definitions(k, sectionHTTP, parseHTTP, p),
		Command: definitions(k, sectionCommand, commandstone.Parse, p)}
	readMachine(k.Get(sectionMachine), &s, p)
	codes := s.Codes()
	for i, code := range codes {
		if slices.Contains(codes[:i], code) {
			p.section("stones", fmt.Sprintf("there are two with the code %q", code))
		}
	}
	return s
}

// parseHTTP reads and checks one; New calls nobody. Commands are checked where
// they are run: other machines need not have them.
func parseHTTP(doc []byte) (httpstone.Config, error) {
	c, err := httpstone.Parse(doc)
	if err == nil {
		_, err = httpstone.New(c)
	}
	return c, err
}

// definitions reads a list of stones with the parser of their kind.
func definitions[C any](k *koanf.Koanf, section string, parse func([]byte) (C, error), p *Problems) []C {
	v := k.Get(section)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		p.section(section, "must be a list of stones")
		return nil
	}
	var out []C
	for i, one := range list {
		doc, err := json.Marshal(one)
		if err == nil {
			var c C
			if c, err = parse(doc); err == nil {
				out = append(out, c)
			}
		}
		if err != nil {
			p.section(section, fmt.Sprintf("number %d: %v", i+1, err))
		}
	}
	return out
}

// section adds a problem of what can stand in the file only.
func (p *Problems) section(name, text string) {
	*p = append(*p, Problem{Key: name, Text: text, file: true})
}
