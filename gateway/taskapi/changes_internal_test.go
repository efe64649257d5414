package taskapi

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	all := changes([]store.Attempt{
		{Epoch: 1, Params: []byte(`{"a":1,"b":{"c":[1,2],"password":"old","token":{"a":"old"}},"pin":{"n":1},"s":{"$sealed":"1:k:old"},"gone":null}`)},
		{Epoch: 2, Params: []byte(`{"a":1,"b":{"c":[1,3],"password":"new","token":{"a":"new"}},"pin":{"n":2},"s":{"$sealed":"1:k:new"},"fresh":"x"}`), Outputs: []byte(`{"id":"y"}`)},
		{Epoch: 3, Params: []byte(`{"a":1,"b":{"c":[1,3],"password":"new","token":{"a":"new"}},"pin":{"n":2},"s":{"$sealed":"1:k:new"},"fresh":"x"}`), Outputs: []byte(`{"id":"y"}`)},
	}, []string{"pin"})
	require.Len(t, all, 1)
	require.JSONEq(t, `[
		{"path":"params.b.c","from":[1,2],"to":[1,3]},
		{"path":"params.b.password","from":"******","to":"******"},
		{"path":"params.b.token","from":"******","to":"******"},
		{"path":"params.fresh","to":"x"},
		{"path":"params.gone","from":null},
		{"path":"params.pin","from":"******","to":"******"},
		{"path":"params.s","from":"******","to":"******"},
		{"path":"outputs","to":{"id":"y"}}
	]`, string(appendChanges(nil, all[2])))
}
