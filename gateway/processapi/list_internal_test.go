package processapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// Past the limit of counting, the answer says that there may be more.
func TestListHeader(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]http.Header{
		0:                    {"X-Total-Count": {"0"}},
		store.CountLimit:     {"X-Total-Count": {"100000"}},
		store.CountLimit + 1: {"X-Total-Count": {"100000"}, "X-Total-Exact": {"false"}},
	} {
		got := http.Header{}
		page{total: total}.Header(got)
		require.Equal(t, want, got)
	}
}
