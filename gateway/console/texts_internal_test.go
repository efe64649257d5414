package console

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

var verb = regexp.MustCompile(`%[sdv]`)

// Each text is there in each language, with the same verbs.
func TestTexts(t *testing.T) {
	t.Parallel()
	for key, w := range texts {
		for l, text := range w {
			require.NotEmpty(t, strings.TrimSpace(text), "%s in %s", key, tags[l])
			require.Equal(t, verb.FindAllString(w[english], -1), verb.FindAllString(text, -1), "%s in %s", key, tags[l])
		}
	}
	for _, s := range task.Statuses() {
		require.Contains(t, texts, "status."+s.String())
		require.NotEqual(t, "other", kindOf(s.String()), s)
	}
	require.Equal(t, "no.such.key", english.text("no.such.key"))
}

var (
	inTemplate = regexp.MustCompile(`(?:\{\{-? ?|\()t "([a-z.A-Z]*[a-zA-Z])"|template "empty" "([a-z.A-Z]*[a-zA-Z])"`)
	inCode     = regexp.MustCompile(`\.text\("([a-z.A-Z]*[a-zA-Z])"`)
)

// Each key that pages name is in the table, and the table has no others.
func TestKeys(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	used := map[string]bool{}
	for _, from := range []struct {
		files   fs.FS
		pattern string
		keys    *regexp.Regexp
	}{{templateFiles, "templates/*.html", inTemplate}, {os.DirFS("."), "*.go", inCode}} {
		names, err := fs.Glob(from.files, from.pattern)
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasPrefix(name, "texts_") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			b, err := fs.ReadFile(from.files, name)
			require.NoError(t, err)
			all.Write(b)
			for _, m := range from.keys.FindAllStringSubmatch(string(b), -1) {
				key := m[len(m)-1]
				if key == "" {
					key = m[1]
				}
				used[key] = true
				require.Contains(t, texts, key, name)
			}
		}
	}
	for key := range texts {
		area, rest, _ := strings.Cut(key, ".")
		switch area {
		case "status", "nav", "order", "processorder", "type": // by the words of others
		case "done":
			require.True(t, strings.HasPrefix(rest, "order.") || strings.HasPrefix(rest, "process.") || strings.Contains(all.String(), `"`+rest+`"`), "%s is not used", key)
		default:
			assert.True(t, used[key] || strings.Contains(all.String(), `"`+key+`"`), "%s is not used", key)
		}
	}
}
