// Package docs_test holds the documents to the tree: code they show is the
// code of the file they name, links lead somewhere, and named files exist.
package docs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is shown into the documents")

const root = "../.."

// shown matches a code block that shows a file: a comment with the file's path
// from the root, and a fence.
var shown = regexp.MustCompile("(?s)<!-- file: ([^ ]+) -->\n```([a-z]+)\n(.*?)```")

func TestShownFilesAreTheFiles(t *testing.T) {
	t.Parallel()
	count := 0
	for _, doc := range documents(t) {
		text := read(t, doc)
		want := shown.ReplaceAllStringFunc(text, func(block string) string {
			count++
			m := shown.FindStringSubmatch(block)
			return fmt.Sprintf("<!-- file: %s -->\n```%s\n%s\n```", m[1], m[2], strings.TrimRight(pretty(t, read(t, filepath.Join(root, m[1]))), "\n"))
		})
		if *update && want != text {
			require.NoError(t, os.WriteFile(doc, []byte(want), 0o600))
			continue
		}
		require.Equal(t, want, text, "%s shows something else than the files it names; refresh it with -update", doc)
	}
	require.NotZero(t, count, "no document shows a file")
}

// pretty lays JSON out for readers and changes no value: an object by lines, an
// array with an element in each line. Other text stays.
func pretty(t *testing.T, text string) string {
	t.Helper()
	if text[0] != '{' && text[0] != '[' {
		return text
	}
	var b bytes.Buffer
	if text[0] == '{' {
		require.NoError(t, json.Indent(&b, []byte(text), "", "  "))
		return b.String()
	}
	var elements []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &elements))
	for i, e := range elements {
		b.WriteString(map[bool]string{true: "[", false: ",\n "}[i == 0])
		b.Write(e)
	}
	return b.String() + "]"
}

// link matches a Markdown link; code spans hold none that lead anywhere.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := doc
			if target != "" {
				file = filepath.Join(filepath.Dir(doc), target)
			}
			_, err := os.Stat(file)
			require.NoError(t, err, "%s links to %s", doc, m[1])
			if anchor != "" {
				require.Contains(t, anchors(read(t, file)), anchor, "%s links to %s", doc, m[1])
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors returns the names of a document's headings, as web views make them.
func anchors(text string) []string {
	var all []string
	strip := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(strip.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// named matches a path of this repository in a code span.
var named = regexp.MustCompile("`((?:cmd|gateway|queue|stone|store|deploy)/[A-Za-z0-9_./-]+)`")

func TestNamedFilesExist(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(read(t, doc), -1) {
			_, err := os.Stat(filepath.Join(root, m[1]))
			require.NoError(t, err, "%s names %s", doc, m[1])
		}
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "../*/*.md", "../../*.md", "../../queue/*.md", "../../queue/task/*.md", "../../.github/*.md", "../../.github/*/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, f := range found {
			if !strings.HasPrefix(f, "../docs/") {
				all = append(all, f)
			}
		}
	}
	require.NotEmpty(t, all)
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
