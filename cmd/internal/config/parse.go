package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

type timeDuration = time.Duration

// Each of these makes the setter of a key from the place of its value. A
// value comes from YAML as its own type, from elsewhere as text.

func text(at func(*Config) *string) func(*Config, any) error {
	return func(c *Config, v any) error {
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("%v is no text; put it in quotes", v)
		}
		*at(c) = strings.TrimSpace(s)
		return nil
	}
}

func truth(at func(*Config) *bool) func(*Config, any) error {
	return func(c *Config, v any) error {
		b, err := strconv.ParseBool(fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", fmt.Sprint(v))
		}
		*at(c) = b
		return nil
	}
}

func number(at func(*Config) *int) func(*Config, any) error {
	return func(c *Config, v any) error {
		n, err := strconv.Atoi(fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("%q is no whole number", fmt.Sprint(v))
		}
		*at(c) = n
		return nil
	}
}

func duration(at func(*Config) *timeDuration) func(*Config, any) error {
	return func(c *Config, v any) error {
		d, err := time.ParseDuration(fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("%q is no duration; write for example 20s or 5m", fmt.Sprint(v))
		}
		*at(c) = d
		return nil
	}
}

// units of sizes, the longer ones first.
var units = []struct {
	suffix string
	bytes  int64
}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"KB", 1000}, {"MB", 1000_000}, {"GB", 1000_000_000}, {"B", 1}, {"", 1}}

func size(at func(*Config) *int64) func(*Config, any) error {
	return func(c *Config, v any) error {
		s := strings.ToUpper(strings.TrimSpace(fmt.Sprint(v)))
		for _, u := range units {
			digits, ok := strings.CutSuffix(s, u.suffix)
			if !ok {
				continue
			}
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			if err != nil || n < 0 || n > (1<<62)/u.bytes {
				break
			}
			*at(c) = n * u.bytes
			return nil
		}
		return fmt.Errorf("%q is no size; write for example 8MiB", fmt.Sprint(v))
	}
}

func formatSize(n int64) string {
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprint(n/u.bytes) + u.suffix
		}
	}
	return fmt.Sprint(n)
}

// items reads a list: of YAML, or separated by commas.
func items(v any) ([]string, error) {
	var out []string
	switch v := v.(type) {
	case string:
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%v in the list is no text", e)
			}
			out = append(out, s)
		}
	default:
		return nil, fmt.Errorf("%v is no list; write [a, b]", v)
	}
	return out, nil
}

func list(at func(*Config) *[]string) func(*Config, any) error {
	return func(c *Config, v any) error {
		s, err := items(v)
		*at(c) = s
		return err
	}
}

func roles(c *Config, v any) error {
	names, err := items(v)
	if err != nil {
		return err
	}
	var all []Role
	for _, n := range names {
		r := Role(strings.ToLower(n))
		switch {
		case !slices.Contains(Roles(), r):
			return fmt.Errorf("there is no role %q; choose among %s", n, join(Roles()))
		case !slices.Contains(all, r):
			all = append(all, r)
		}
	}
	c.Roles = all
	return nil
}

func zone(c *Config, v any) error {
	loc, err := time.LoadLocation(fmt.Sprint(v))
	if err != nil {
		return fmt.Errorf("%q is no time zone; write for example UTC or Europe/Berlin", fmt.Sprint(v))
	}
	c.TimeZone = loc
	return nil
}

func level(c *Config, v any) error {
	l, err := zapcore.ParseLevel(fmt.Sprint(v))
	if err != nil || l > zapcore.ErrorLevel {
		return fmt.Errorf("%q is no level; choose debug, info, warn or error", fmt.Sprint(v))
	}
	c.LogLevel = l
	return nil
}

func join[T ~string](all []T) string {
	s := make([]string, len(all))
	for i, v := range all {
		s[i] = string(v)
	}
	return strings.Join(s, ",")
}
