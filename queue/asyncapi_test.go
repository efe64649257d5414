package queue_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

const asyncURL = "https://riverstones.invalid/asyncapi.json"

// async is asyncapi.yaml.
type async struct {
	Channels map[string]struct {
		Address  *string
		Messages map[string]any
	}
	Components struct {
		Messages map[string]struct {
			Examples []struct{ Headers, Payload any }
		}
		Schemas map[string]struct {
			Enum       []string
			Properties map[string]any
		}
	}

	compiler *jsonschema.Compiler
	raw      any
}

// readAsync reads the document. Its schemas refuse members that they do not
// name, so that none is forgotten.
func readAsync(t *testing.T) *async {
	t.Helper()
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal(text, &raw))
	doc := &async{compiler: jsonschema.NewCompiler()}
	doc.compiler.DefaultDraft(jsonschema.Draft7)
	doc.compiler.AssertFormat()

	schema, err := os.ReadFile(filepath.Join("testdata", "asyncapi-3.0.0.schema.json"))
	require.NoError(t, err)
	require.NoError(t, doc.compiler.AddResource("https://riverstones.invalid/meta.json", value(t, schema)))
	meta, err := doc.compiler.Compile("https://riverstones.invalid/meta.json")
	require.NoError(t, err)
	plain, err := json.Marshal(raw)
	require.NoError(t, err)
	require.NoError(t, meta.Validate(value(t, plain)))

	require.NoError(t, json.Unmarshal(plain, doc))
	doc.raw = value(t, plain)
	closed := value(t, plain)
	closeObjects(closed)
	require.NoError(t, doc.compiler.AddResource(asyncURL, closed))
	return doc
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err, "%s", text)
	return v
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, object := v["properties"].(map[string]any); object {
			v["additionalProperties"] = false
		}
		for _, one := range v {
			closeObjects(one)
		}
	case []any:
		for _, one := range v {
			closeObjects(one)
		}
	}
}

// fits requires a message to have the shape of the document.
func (a *async) fits(t *testing.T, schema string, text []byte) {
	t.Helper()
	s, err := a.compiler.Compile(asyncURL + "#/components/schemas/" + schema)
	require.NoError(t, err)
	require.NoError(t, s.Validate(value(t, text)), "%s: %s", schema, text)
}

// The document is AsyncAPI 3.0, and its examples are messages that the code
// reads, and writes back the same.
func TestAsyncAPIExamples(t *testing.T) {
	t.Parallel()
	doc := readAsync(t)
	seen := map[string]bool{}
	for name, m := range doc.Components.Messages {
		for _, e := range m.Examples {
			payload, err := json.Marshal(e.Payload)
			require.NoError(t, err)
			doc.fits(t, name, payload)
			if e.Headers != nil {
				headers, err := json.Marshal(e.Headers)
				require.NoError(t, err)
				doc.fits(t, "headers", headers)
			}
			readBack(t, name, payload)
			seen[name] = true
		}
	}
	require.Len(t, seen, 8)
}

// readBack reads a message and compares what is written of it.
func readBack(t *testing.T, name string, text []byte) {
	t.Helper()
	var again []byte
	switch name {
	case "command":
		c, err := queue.ParseCommand(text)
		require.NoError(t, err)
		again = c.Append(nil)
	case "event", "batch":
		all, err := queue.ParseEvents(text)
		require.NoError(t, err)
		events := make([]queue.Event, len(all))
		for i, p := range all {
			require.NoError(t, p.Err)
			events[i] = p.Event
		}
		again = queue.EventMsgs("MachineStone", events)[0].Data
	case "fact":
		f, err := queue.ParseFact(text)
		require.NoError(t, err)
		again = f.Append(nil)
	case "announcement":
		a, err := queue.ParseAnnouncement(text)
		require.NoError(t, err)
		again, err = a.Encode()
		require.NoError(t, err)
	case "question":
		again = strictly[queue.Question](t, text)
	case "answer":
		again = strictly[queue.Answer](t, text)
	case "halt":
		again = strictly[queue.Halt](t, text)
	default:
		require.Fail(t, "nothing reads a "+name)
	}
	require.JSONEq(t, string(text), string(again))
}

func strictly[T any](t *testing.T, text []byte) []byte {
	t.Helper()
	var v T
	strict(t, string(text), &v)
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return out
}

// What the code writes has the shape of the document, headers included, and so
// have the messages of PROTOCOL.md.
func TestAsyncAPIFitsWhatIsWritten(t *testing.T) {
	t.Parallel()
	doc := readAsync(t)
	for _, m := range jsonBlock.FindAllStringSubmatch(protocol(t), -1) {
		if kind := kindOf(t, m[1]); kind != "consumer" {
			doc.fits(t, kind, []byte(m[1]))
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden.json"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		doc.fits(t, kind, text)
	}
	traced := command()
	traced.Trace, traced.Blob, traced.Params, traced.Outputs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "sha256-"+strings.Repeat("0", 64), nil, nil
	for _, c := range []*queue.Command{command(), traced} {
		doc.fits(t, "command", c.Append(nil))
	}
	for _, kind := range []queue.FactKind{queue.FactBegun, queue.FactResumed, queue.FactEnded} {
		doc.fits(t, "fact", (&queue.Fact{Names: names, Epoch: 2, Kind: kind}).Append(nil))
	}
	for _, msg := range queue.EventMsgs("MachineStone", events()[:1]) {
		doc.fits(t, "event", msg.Data)
		doc.fits(t, "headers", headers(t, msg.Header))
	}
	for _, msg := range queue.EventMsgs("MachineStone", events()) {
		doc.fits(t, "batch", msg.Data)
		doc.fits(t, "batchHeaders", headers(t, msg.Header))
	}
}

// headers writes them as an object.
func headers(t *testing.T, h map[string][]string) []byte {
	t.Helper()
	all := map[string]string{}
	for name, values := range h {
		if !strings.HasPrefix(name, "Nats-Expected-") { // of the publish, not of the message
			all[name] = values[0]
		}
	}
	out, err := json.Marshal(all)
	require.NoError(t, err)
	return out
}

// Every member that the code writes is in the document, and the document has no
// other: compared are messages of which every field is set.
func TestAsyncAPIHasEveryMember(t *testing.T) {
	t.Parallel()
	doc := readAsync(t)
	announced, err := full[queue.Announcement](t).Encode()
	require.NoError(t, err)
	event := full[queue.Event](t)
	for kind, text := range map[string][]byte{
		"command":      full[queue.Command](t).Append(nil),
		"event":        queue.EventMsgs("S", []queue.Event{*event})[0].Data,
		"fact":         full[queue.Fact](t).Append(nil),
		"announcement": announced,
		"question":     marshal(t, full[queue.Question](t)),
		"answer":       marshal(t, full[queue.Answer](t)),
		"halt":         marshal(t, full[queue.Halt](t)),
	} {
		doc.members(t, kind, map[string]any{"$ref": "#/components/schemas/" + kind}, value(t, text))
	}
}

// members requires a value to have the members of its schema, at every depth.
func (a *async) members(t *testing.T, at string, schema, v any) {
	t.Helper()
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		found := a.raw
		for _, name := range strings.Split(ref, "/")[1:] {
			found = found.(map[string]any)[name]
		}
		s, _ = found.(map[string]any)
	}
	if items, ok := v.([]any); ok {
		require.NotEmpty(t, items, at)
		a.members(t, at+"[]", s["items"], items[0])
		return
	}
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		return
	}
	got, _ := v.(map[string]any)
	require.ElementsMatch(t, slices.Collect(maps.Keys(properties)), slices.Collect(maps.Keys(got)), at)
	for name, one := range got {
		a.members(t, at+"."+name, properties[name], one)
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// full returns a value that has something in every field.
func full[T any](t *testing.T) *T {
	t.Helper()
	var v T
	fill(t, reflect.ValueOf(&v).Elem())
	return &v
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Addr().Interface().(type) {
	case *time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 9, 0, 0, 1000, time.UTC)))
		return
	case *json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"a":1}`)))
		return
	}
	switch v.Kind() { //nolint:exhaustive // messages have no others
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Uint8:
		v.Set(reflect.ValueOf(int64(1)).Convert(v.Type()))
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	default:
		require.Fail(t, "nothing fills a "+v.Type().String())
	}
}

// The subjects, methods and statuses of the document are those of the code.
func TestAsyncAPINames(t *testing.T) {
	t.Parallel()
	doc := readAsync(t)
	var got []string
	for _, c := range doc.Channels {
		if c.Address != nil {
			got = append(got, strings.NewReplacer("{stone}", "S", "{businessKey}", "K", "{method}", "start", "{worker}", "W", "{stream}", queue.StreamTasks).Replace(*c.Address))
		}
	}
	require.ElementsMatch(t, []string{
		queue.TaskSubject("S", "K", task.Start), queue.EventSubject("S", task.Start), queue.BatchSubject("S"), queue.FactSubject,
		queue.AskSubject("S"), queue.CtlSubject("S"), queue.CheckpointSubject(queue.StreamTasks), queue.StoneSubject(queue.StoneKey("S", "W")),
		queue.DLQSubject("S"), queue.PubSubject,
	}, got)
	var methods, statuses []string
	for _, m := range task.Methods() {
		methods = append(methods, string(m))
	}
	for _, s := range task.Statuses() {
		if !s.Produce() {
			statuses = append(statuses, s.String())
		}
	}
	require.ElementsMatch(t, methods, doc.Components.Schemas["method"].Enum)
	require.ElementsMatch(t, statuses, doc.Components.Schemas["status"].Enum)
	var known []string
	for _, s := range []string{"headers", "batchHeaders", "letterHeaders", "publishedHeaders"} {
		for name := range doc.Components.Schemas[s].Properties {
			known = append(known, name)
		}
	}
	for _, name := range []string{queue.HeaderTask, queue.HeaderEpoch, queue.HeaderMethod, queue.HeaderSchema, queue.HeaderBlob, queue.HeaderTrace, queue.HeaderReason, queue.HeaderStatus} {
		require.True(t, slices.Contains(known, name), name)
	}
}
