package flowable

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"PT10M": 10 * time.Minute, "pt1h": time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond,
		"PT0S": 0, "PT1,25S": 1250 * time.Millisecond, "P2D": 48 * time.Hour, "PT999999M": 999999 * time.Minute,
	} {
		if want > maxLock {
			want = -1
		}
		got, err := duration("x", text)
		if want < 0 {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "10M", "PT10", "P1Y", "PT-5M", "PT1M1H", "PT.5S", "PT999999999H", "P367D", "PT1S "} {
		_, err := duration("lockDuration", text)
		require.ErrorContains(t, err, "lockDuration", text)
	}
}

// packed returns an archive.
func packed(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f[0]}
		if len(f[1]) > 0 {
			h.Method = zip.Deflate
		}
		to, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = io.WriteString(to, f[1])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	files, err := unpack(packed(t, [2]string{"a/", ""}, [2]string{"a/x.bpmn", "<x/>"}, [2]string{"y.png", "12345"}), 9)
	require.NoError(t, err)
	require.Len(t, files, 2)
	require.Equal(t, "a/x.bpmn", files[0].Name)
	require.Equal(t, "12345", string(files[1].Bytes))
	many := make([][2]string, maxFiles+1)
	for i := range many {
		many[i] = [2]string{fmt.Sprint(i), ""}
	}
	bomb := packed(t, [2]string{"b", strings.Repeat("\x00", 1<<20)})
	lie := bytes.Replace(bomb, []byte{0, 0, 0x10, 0, 1, 0}, []byte{1, 0, 0, 0, 1, 0}, 1) // says that it is one byte
	for name, tt := range map[string]struct {
		raw  []byte
		kind fault.Kind
	}{
		"no archive":    {[]byte("x"), fault.Invalid},
		"cut off":       {packed(t, [2]string{"a", "b"})[:40], fault.Invalid},
		"bomb":          {bomb, fault.TooLarge},
		"a lie":         {lie, fault.Invalid},
		"together":      {packed(t, [2]string{"a", strings.Repeat("a", 60)}, [2]string{"b", strings.Repeat("a", 60)}), fault.TooLarge},
		"many":          {packed(t, many...), fault.TooLarge},
		"very many":     {bytes.Repeat([]byte("PK\x01\x02"), 10*maxFiles+1), fault.TooLarge},
		"up":            {packed(t, [2]string{"../a", ""}), fault.Invalid},
		"root":          {packed(t, [2]string{"/etc/a", ""}), fault.Invalid},
		"twice":         {packed(t, [2]string{"a", ""}, [2]string{"a", ""}), fault.Invalid},
		"name too long": {packed(t, [2]string{strings.Repeat("a", 300), ""}), fault.Invalid},
	} {
		_, err := unpack(tt.raw, 100)
		require.Error(t, err, name)
		require.Equal(t, tt.kind, fault.Of(err).Kind, "%s: %s", name, err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(packed(f, [2]string{"a/x.bpmn", "<x/>"}, [2]string{"y.png", "12345"}))
	f.Add(packed(f, [2]string{"b", strings.Repeat("\x00", 4096)}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := unpack(raw, 1000)
		if err != nil {
			require.Contains(t, []fault.Kind{fault.Invalid, fault.TooLarge}, fault.Of(err).Kind)
			return
		}
		sum := 0
		for _, file := range files {
			sum += len(file.Bytes)
			require.True(t, plainName(file.Name))
		}
		require.LessOrEqual(t, sum, 1000)
	})
}

func FuzzForm(f *testing.F) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(f, w.SetBoundary("x"))
	require.NoError(f, w.WriteField("Name", "n"))
	to, err := w.CreateFormFile("file", `C:\dir\f.bin`)
	require.NoError(f, err)
	_, err = to.Write([]byte{0, 1, 255, '\r', '\n', '-', '-', 'x'})
	require.NoError(f, err)
	require.NoError(f, w.Close())
	f.Add(b.Bytes())
	f.Add([]byte("--x\r\nContent-Disposition: form-data; filename*=UTF-8''%e2%82%ac\r\n\r\na\r\n--x--"))
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n\r\n--x--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readForm(bytes.NewReader(raw), "x", 100)
		if err != nil {
			require.Contains(t, []fault.Kind{fault.Invalid, fault.TooLarge}, fault.Of(err).Kind)
			return
		}
		if got.file != nil {
			require.LessOrEqual(t, len(got.file.content), 100)
			require.NotContains(t, got.file.name, "/")
		}
		for name := range got.fields {
			require.Equal(t, strings.ToLower(name), name)
		}
	})
}

func FuzzQueryBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"start":"3","size":2,"sort":"id","order":"asc"}`, `{"id":"\u0000","processInstanceIds":["a",""]}`,
		`{"variables":[{"name":"a","value":1234,"operation":"equals","type":"long"},null]}`, `{"withoutTenantId":"true","tenantIdLike":"%"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var q executionQuery
		if err := decode(raw, &q); err != nil {
			require.Equal(t, fault.Invalid, fault.Of(err).Kind)
			require.NotEmpty(t, fault.Of(err).Detail)
			return
		}
		var p pick
		for _, c := range p.conditions(variable.Limits{}, "variables", q.Variables) {
			require.NotContains(t, c.Name+c.Key+c.Fold, "\x00")
		}
		require.NotContains(t, p.text(q.ID), "\x00")
		p.texts("processInstanceIds", q.InstanceIDs)
		if _, err := (&call{}).page(q.paging, executionSorts); err != nil {
			require.Equal(t, fault.Invalid, fault.Of(err).Kind)
		}
	})
}
