package stone_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

type common struct {
	Region string `json:"region" stone:"required,name='Region, or zone'" desc:"where to build"`
}

type volume struct {
	common

	Size   int8              `json:"size" stone:"default=2,min=1,max=100"`
	Kind   string            `json:"kind,omitempty" stone:"values=ssd|hdd,default=ssd"`
	Secret string            `json:"secret" stone:"noecho,hidden,minlen=4,maxlen=8"`
	Code   string            `json:"code" stone:"pattern='[a-z]{1,3}''?'"`
	Bytes  *big.Int          `json:"bytes"`
	Exact  json.Number       `json:"exact"`
	Tags   map[string]string `json:"tags"`
	Disks  []struct{ ID string }
	Free   any       `json:"free" stone:"type=object"`
	When   time.Time `json:"when"`
	Hidden string    `json:"-"`
}

type made struct {
	VolumeID string `json:"volumeId" desc:"of the volume"`
	Count    int    `json:"count"`
	Ready    *bool  `json:"ready,omitempty"`
}

func TestParamsOf(t *testing.T) {
	t.Parallel()
	got, err := stone.ParamsOf[volume]()
	require.NoError(t, err)
	require.Equal(t, []stone.Param{
		{Name: "region", Type: stone.String, Required: true, DisplayName: "Region, or zone", Description: "where to build"},
		{Name: "size", Type: stone.Integer, Default: json.RawMessage("2"), MinValue: new(1.0), MaxValue: new(100.0)},
		{Name: "kind", Type: stone.String, Default: json.RawMessage(`"ssd"`), AllowedValues: []json.RawMessage{json.RawMessage(`"ssd"`), json.RawMessage(`"hdd"`)}},
		{Name: "secret", Type: stone.String, NoEcho: true, Visible: new(false), MinLength: new(4), MaxLength: new(8)},
		{Name: "code", Type: stone.String, AllowedPattern: "[a-z]{1,3}'?"},
		{Name: "bytes", Type: stone.Integer},
		{Name: "exact", Type: stone.Number},
		{Name: "tags", Type: stone.Object},
		{Name: "Disks", Type: stone.Array},
		{Name: "free", Type: stone.Object},
		{Name: "when", Type: stone.String},
	}, got)
	outputs, err := stone.OutputsOf[made]()
	require.NoError(t, err)
	require.Equal(t, []stone.Output{{Name: "volumeId", Description: "of the volume"}, {Name: "count"}, {Name: "ready"}}, outputs)
}

func declares[P any](t *testing.T, want string) {
	t.Helper()
	_, err := stone.ParamsOf[P]()
	require.ErrorContains(t, err, want)
	_, err = stone.Typed[P, struct{}]{Start: func(context.Context, *stone.Task, P) (struct{}, error) { return struct{}{}, nil }}.Stone()
	require.ErrorContains(t, err, want)
}

func TestMalformedTags(t *testing.T) {
	t.Parallel()
	declares[int](t, "is no struct")
	declares[struct {
		A string `stone:"requierd"`
	}](t, `declare parameter A: unknown rule "requierd"`)
	declares[struct {
		A string `stone:"required=yes"`
	}](t, "required takes no value")
	declares[struct {
		A string `stone:"pattern"`
	}](t, "pattern needs a value")
	declares[struct {
		A string `stone:"pattern='a"`
	}](t, "no closing quote")
	declares[struct {
		A string `stone:"pattern='a'b"`
	}](t, "behind the closing quote")
	declares[struct {
		A string `stone:"pattern=it's"`
	}](t, "a quote within")
	declares[struct {
		A string `stone:"minlen=x"`
	}](t, `minlen: "x" is no number`)
	declares[struct {
		A int `stone:"max=NaN"`
	}](t, `max: "NaN" is no number`)
	declares[struct {
		A int `stone:"default=five"`
	}](t, `default: "five" is not JSON`)
	declares[struct {
		A int `stone:"default=5.5"`
	}](t, "default must be an integer")
	declares[struct {
		A int `stone:"default=5,max=4"`
	}](t, "default must be at most 4")
	declares[struct {
		A string `stone:"min=1"`
	}](t, "is for numbers")
	declares[struct {
		A string `stone:"noecho,noecho"`
	}](t, "noecho is given twice")
	declares[struct {
		A string `stone:"required,default=x"`
	}](t, "required and default exclude each other")
	declares[struct{ A any }](t, "leaves the type open")
	declares[struct{ A time.Duration }](t, "use a string")
	declares[struct {
		A string
		B string `json:"A"`
	}](t, "declared twice")
	declares[struct {
		A int `json:"a,string"`
	}](t, "option string")
}

func TestStoneRefuses(t *testing.T) {
	t.Parallel()
	_, err := stone.Typed[struct{}, struct{}]{}.Stone()
	require.ErrorContains(t, err, "Start is missing")
	require.Panics(t, func() { stone.Typed[struct{}, struct{}]{}.MustStone() })
	type small struct {
		A int8 `stone:"default=300"`
	}
	_, err = stone.Typed[small, struct{}]{Start: func(context.Context, *stone.Task, small) (struct{}, error) { return struct{}{}, nil }}.Stone()
	require.ErrorContains(t, err, "parameter A: is out of the range of int8")
	type tagged struct {
		A string `stone:"required"`
	}
	_, err = stone.OutputsOf[tagged]()
	require.ErrorContains(t, err, "is for parameters")
}

func TestTypedMethods(t *testing.T) {
	t.Parallel()
	f := func(context.Context, *stone.Task, volume) (made, error) { return made{}, nil }
	for want, s := range map[string]stone.Stone{
		"start":        stone.Typed[volume, made]{Start: f}.MustStone(),
		"cancel start": stone.Typed[volume, made]{Start: f, Cancel: f}.MustStone(),
		"delete mock monitor rollback start": stone.Typed[volume, made]{
			Start: f, Monitor: f, Rollback: f, Delete: f, Mock: f}.MustStone(),
	} {
		var names string
		for _, m := range slices.Sorted(maps.Keys(stone.Handlers(s))) {
			names += " " + string(m)
		}
		require.Equal(t, " "+want, names)
	}
	spec := stone.Typed[volume, made]{Start: f}.MustStone().Describe(stone.Spec{Code: "Volume"})
	require.Equal(t, "Volume", spec.Code)
	require.Len(t, spec.Params, 11)
	require.Len(t, spec.Outputs, 3)
}

func TestTypedDecodes(t *testing.T) {
	t.Parallel()
	var got volume
	s := stone.Typed[volume, made]{Start: func(_ context.Context, _ *stone.Task, p volume) (made, error) {
		got = p
		return made{VolumeID: "v-1"}, nil
	}}.MustStone()
	r := stonetest.Run(t, s, stonetest.Task{Params: `{"region":"r","unknown":1,"Size":99,"bytes":123456789012345678901234567890,
		"exact":0.10000000000000000000001,"Disks":[{"ID":"d"}],"free":{"x":1}}`})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"volumeId":"v-1","count":0}`)
	require.Equal(t, "r", got.Region)
	require.EqualValues(t, 2, got.Size) // "Size" is another name
	require.Equal(t, "ssd", got.Kind)
	require.Equal(t, "123456789012345678901234567890", got.Bytes.String())
	require.Equal(t, "0.10000000000000000000001", got.Exact.String())
	require.Equal(t, "d", got.Disks[0].ID)

	for params, want := range map[string]string{
		`{}`:                                 "parameter region: is required",
		`{"region":"r","size":"5"}`:          "parameter size: must be an integer",
		`{"region":"r","size":101}`:          "parameter size: must be at most 100",
		`{"region":"r","tags":{"a/b":1}}`:    "parameter tags (at /a~1b): does not fit string",
		`{"region":"r","Disks":[{"ID":[]}]}`: "parameter Disks (at /0/ID): does not fit string",
		`{"region":"r","exact":"1"}`:         "parameter exact: must be a number",
		`{"region":"r","when":"noon"}`:       "parameter when: does not fit time.Time",
	} {
		r := stonetest.Run(t, s, stonetest.Task{Params: params})
		require.Equal(t, stonetest.Reject, r.Outcome, params)
		require.Equal(t, want, r.Reason)
	}
}

// Work begun under an older declaration can still be followed and undone.
func TestTypedChecksOnlyStartAndMock(t *testing.T) {
	t.Parallel()
	f := func(context.Context, *stone.Task, volume) (made, error) { return made{}, nil }
	s := stone.Typed[volume, made]{Start: f, Monitor: f, Rollback: f, Delete: f, Cancel: f, Mock: f}.MustStone()
	for _, m := range task.Methods() {
		r := stonetest.Run(t, s, stonetest.Task{Method: m, Params: `{"size":101}`})
		if m == task.Start || m == task.Mock {
			r.RequireReject(t, "parameter size")
		} else {
			r.RequireSuccess(t)
		}
		stonetest.Run(t, s, stonetest.Task{Method: m, Params: `{"size":{}}`}).RequireReject(t, "parameter size")
	}
}

func TestTypedMerges(t *testing.T) {
	t.Parallel()
	looks := 0
	s := stone.Typed[volume, made]{
		Start: func(_ context.Context, t *stone.Task, _ volume) (made, error) {
			if t.Try == 1 {
				return made{VolumeID: "v-1"}, errors.New("slow")
			}
			return made{VolumeID: "v-1", Count: 1}, nil
		},
		Monitor: func(_ context.Context, t *stone.Task, _ volume) (made, error) {
			if looks++; looks < 3 {
				return made{Count: looks + 1}, stone.Again(time.Second)
			}
			return made{Ready: new(false)}, nil
		},
	}.MustStone()
	first := stonetest.Run(t, s, stonetest.Task{Params: `{"region":"r"}`})
	first.RequireRetry(t, "slow")
	first.RequireOutputs(t, `{"volumeId":"v-1"}`) // the zero count says nothing yet

	r := stonetest.RunToEnd(t, s, stonetest.Task{Params: `{"region":"r"}`})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"volumeId":"v-1","count":3,"ready":false}`)
	require.Equal(t, 5, r.Runs)
	require.Equal(t, []time.Duration{0, time.Second, time.Second}, r.Delays)
}

func TestTypedPointerOutputs(t *testing.T) {
	t.Parallel()
	s := stone.Typed[struct{}, *made]{Start: func(context.Context, *stone.Task, struct{}) (*made, error) {
		return nil, nil //nolint:nilnil // no outputs
	}}.MustStone()
	r := stonetest.Run(t, s, stonetest.Task{})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{}`)
}
