package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/stone/machinestone"
)

// machineKeys are what the section machine-stone may hold when it is not just
// true or false. Its code is fixed.
var machineKeys = map[string]func(m *machinestone.Config, v any) error{
	"businessKey": func(m *machinestone.Config, v any) error {
		err := words(&m.BusinessKey, v)
		if err == nil {
			err = queue.CheckBusinessKey(m.BusinessKey)
		}
		return err
	},
	"dir": func(m *machinestone.Config, v any) error {
		err := words(&m.Dir, v)
		if err == nil && !filepath.IsAbs(m.Dir) {
			err = fmt.Errorf("%q is not absolute; write a path such as /var/lib/riverstones/machines", m.Dir)
		}
		return err
	},
	"command": func(m *machinestone.Config, v any) (err error) {
		if m.Command, err = sequence(v); err == nil && (len(m.Command) == 0 || m.Command[0] == "") {
			err = errors.New("is empty; write [program, argument, …]")
		}
		return err
	},
	"env": func(m *machinestone.Config, v any) (err error) {
		m.Env, err = sequence(v)
		for i, pair := range m.Env {
			if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
				return fmt.Errorf("number %d is no variable; write NAME=value", i+1) // it may be a secret
			}
		}
		return err
	},
	"strategies":  func(m *machinestone.Config, v any) (err error) { m.Strategies, err = sequence(v); return err },
	"bootTimeout": func(m *machinestone.Config, v any) error { return positive(&m.BootTimeout, v) },
	"interval":    func(m *machinestone.Config, v any) error { return positive(&m.Interval, v) },
	"grace":       func(m *machinestone.Config, v any) error { return positive(&m.Grace, v) },
	"maxMachines": func(m *machinestone.Config, v any) error {
		n, ok := v.(int)
		if !ok || n < 1 {
			return fmt.Errorf("%v is no whole number of at least 1", v)
		}
		m.MaxMachines = n
		return nil
	},
}

// readMachine reads the section: true, false, or a map that also says true.
func readMachine(v any, s *Stones, p *Problems) {
	switch v := v.(type) {
	case nil:
	case bool:
		s.Machine = v
	case map[string]any:
		s.Machine = true
		for _, name := range slices.Sorted(maps.Keys(v)) {
			path := sectionMachine + delim + name
			set, ok := machineKeys[name]
			if !ok {
				known := slices.Sorted(maps.Keys(machineKeys))
				near := cmp.Or(closest(name, known), strings.Join(known, ", "))
				p.section(path, fmt.Sprintf("there is no such key; did you mean %s?", near))
			} else if err := set(&s.Machines, v[name]); err != nil {
				p.section(path, err.Error())
			}
		}
	default:
		p.section(sectionMachine, "is true, false, or a map such as {dir: /var/lib/machines, maxMachines: 5}")
	}
}

func words(at *string, v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("%v is no text; put it in quotes", v)
	}
	*at = s
	return nil
}

// sequence is a list as it stands: the items of a command are not split or
// trimmed.
func sequence(v any) ([]string, error) {
	if _, ok := v.([]any); !ok {
		return nil, fmt.Errorf("%v is no list; write [a, b]", v)
	}
	return items(v)
}

func positive(at *time.Duration, v any) error {
	d, err := time.ParseDuration(fmt.Sprint(v))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no duration of more than 0; write for example 20s or 5m", fmt.Sprint(v))
	}
	*at = d
	return nil
}
