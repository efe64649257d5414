package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, want string }{
		"same":      {"a\nb", "a\nb", ""},
		"changed":   {"a\nb\nc", "a\nx\nc", "a=a -b+x c=c"},
		"added":     {"a\nc", "a\nb\nc", "a=a +b c=c"},
		"removed":   {"a\nb\nc", "a\nc", "a=a -b c=c"},
		"all new":   {"a", "b\nc", "-a+b +c"},
		"far away":  {"1\n2\n3\n4\n5\n6\n7\n8\nx", "1\n2\n3\n4\n5\n6\n7\n8\ny", "~5 6=6 7=7 8=8 -x+y"},
		"moved":     {"a\nb\nc\nd", "b\nc\nd\na", "-a b=b c=c d=d +a"},
		"very long": {strings.Repeat("a\n", 2000), strings.Repeat("b\n", 2000), strings.TrimSpace(strings.Repeat("-a+b ", diffRows))},
	} {
		var out []string
		for _, r := range newDiff(c.before, c.after).Rows {
			switch {
			case r.Skip > 0:
				out = append(out, "~"+grouped(r.Skip))
			case r.Del && r.Add:
				out = append(out, "-"+r.Before+"+"+r.After)
			case r.Del:
				out = append(out, "-"+r.Before)
			case r.Add:
				out = append(out, "+"+r.After)
			default:
				out = append(out, r.Before+"="+r.After)
			}
		}
		require.Equal(t, c.want, strings.Join(out, " "), name)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	root := treeOf(`{"z":1.50,"a":[true,null,"\u0000<",{}],"s":"******"}`).Root
	require.Equal(t, "{3}", root.Text)
	require.Equal(t, node{Name: "z", Text: "1.50", Kind: "number"}, root.Children[0])
	require.Equal(t, "[4]", root.Children[1].Text)
	require.Equal(t, `"\x00<"`, root.Children[1].Children[2].Text)
	require.Equal(t, "{}", root.Children[1].Children[3].Text)
	require.Equal(t, "secret", root.Children[2].Kind)
	require.Equal(t, "no {json", treeOf("no {json").Root.Text)
	require.Equal(t, node{Kind: "other"}, treeOf("").Root)
	require.True(t, treeOf(strings.Repeat("[", 5000)+strings.Repeat("]", 5000)).Cut)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	require.Equal(t, moment{"2026-11-21T08:00:00Z", "2026-11-21 09:00:00"}, momentOf("2026-11-21 09:00:00", berlin))
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-11-21 09:00:00", momentOf(&at, berlin).Text)
	require.Equal(t, moment{}, momentOf((*string)(nil), berlin))
	require.Equal(t, moment{}, momentOf((*time.Time)(nil), berlin))
	require.Equal(t, "-1\u202f234\u202f567", grouped(-1234567))
	require.Equal(t, "123", grouped(123))
}

func TestSum(t *testing.T) {
	t.Parallel()
	text := []byte("# HELP held x\nheld{a=\"} 9\"} 2\nheld{a=\"b\"} 3\nheld_more 7\nbad nonsense\n")
	require.Equal(t, 5, *sum(text, "held"))
	require.Nil(t, sum(text, "bad"))
	require.Nil(t, sum(text, "none"))
}

// looked is an API that answers lists, and notes how far back it was asked.
type looked struct {
	back []time.Duration
	page string
	slow time.Duration
	most int // looks that are answered, 0 for all; others go on until they are broken off
}

// ServeHTTP answers.
func (l *looked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if text := r.URL.Query().Get("createdAfter") + r.URL.Query().Get("startedAfter"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		l.back = append(l.back, time.Since(at).Round(10*time.Second))
	}
	<-time.After(l.slow)
	if l.most > 0 && len(l.back) > l.most {
		<-r.Context().Done()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte(l.page))
}

// A search looks further back until the page is full, all was seen, or the time
// is over.
func TestLookBack(t *testing.T) {
	t.Parallel()
	look := func(l *looked, f client.Filter, oldest time.Time) found {
		out, err := lookBack(t.Context(), newAPI(l).client, f, oldest)
		require.NoError(t, err)
		return out
	}
	rare := client.Filter{Stone: "x", Size: 2, Descending: true}
	l := &looked{page: "[{},{}]"}
	got := look(l, rare, time.Time{})
	require.Equal(t, []time.Duration{10 * time.Second}, l.back)
	require.False(t, got.Exact, "there may be more further back")
	require.Zero(t, got.Back)

	l = &looked{page: "[{}]"}
	got = look(l, rare, time.Now().Add(-time.Hour))
	require.Equal(t, []time.Duration{10 * time.Second, 40 * time.Second, 160 * time.Second, 640 * time.Second, 2560 * time.Second, time.Hour}, l.back)
	require.True(t, got.Exact)
	require.Zero(t, got.Back)
	l = &looked{page: "[]"}
	require.True(t, look(l, rare, time.Time{}).Exact)
	require.Greater(t, l.back[len(l.back)-1], 50*365*24*time.Hour)

	l = &looked{page: "[{}]", slow: lookTime / 2}
	got = look(l, rare, time.Time{})
	require.Len(t, l.back, 1)
	require.False(t, got.Exact)
	require.WithinDuration(t, time.Now(), got.Back, time.Minute)

	l = &looked{page: "[{}]", slow: 2 * lookTime}
	_, n, back, err := lookBackProcesses(t.Context(), newAPI(l).client, client.ProcessFilter{Size: 2})
	require.NoError(t, err)
	require.Empty(t, l.back, "the newest of all are found at once")
	require.True(t, n.Exact)
	require.Zero(t, back)

	l = &looked{page: "[{}]", most: 3}
	got = look(l, rare, time.Time{})
	require.Len(t, l.back, 4, "a million in one span")
	require.Len(t, got.Tasks, 1, "what was found before")
	require.False(t, got.Exact)
	require.WithinDuration(t, time.Now().Add(-160*time.Second), got.Back, 20*time.Second)

	l = &looked{page: "[]", slow: lookTime / 2}
	_, n, back, err = lookBackProcesses(t.Context(), newAPI(l).client, client.ProcessFilter{Name: "x", Size: 2})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{10 * time.Second}, l.back)
	require.False(t, n.Exact)
	require.WithinDuration(t, time.Now(), back, time.Minute)
	for _, f := range []client.ProcessFilter{{ProcessInstanceID: "x"}, {BusinessKey: "x"}, {SuperProcessInstanceID: "x"}, {Ascending: true}} {
		l = &looked{page: "[]"}
		_, _, _, err = lookBackProcesses(t.Context(), newAPI(l).client, f)
		require.NoError(t, err)
		require.Empty(t, l.back, f)
	}
	for _, f := range []client.Filter{{TaskID: "x", Descending: true}, {ProcessInstanceID: "x", Descending: true}, {Stone: "x"}} {
		l = &looked{page: "[]"}
		look(l, f, time.Time{})
		require.Empty(t, l.back, f)
	}
}
