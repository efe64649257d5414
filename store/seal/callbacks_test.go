package seal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest"
)

// URLs of callbacks, which may let in whoever knows them, are sealed; those
// from before there were keys go on.
func TestCallbackURLsAreSealed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		s := seal.New(raw, seal.Config{Keys: keyring(t, "a")})
		early, late := newState("early"), newState("late")
		urls := map[string]string{"early": "https://example.com/before", "late": "https://example.com/hook/canary-1?token=canary-2"}
		callback := func(st *store.State) []store.Callback {
			return []store.Callback{{ID: st.ID, ProcessInstanceID: "p", Kind: store.Webhook, URL: urls[st.TaskID]}}
		}
		require.NoError(t, raw.Want(t.Context(), callback(&early)))
		given := callback(&late)
		require.NoError(t, s.Want(t.Context(), given))
		require.Equal(t, urls["late"], given[0].URL, "the caller's was changed")
		var c store.Changes
		for _, st := range []store.State{early, late} {
			st.Status, st.EndTime = task.StartFailed, noon
			c.New = append(c.New, st)
			c.Transitions = append(c.Transitions, store.Transition{ID: st.ID, Epoch: 1, Status: task.StartFailed, Time: noon, Delivery: 1, Worker: "w"})
		}
		record(t, s, c, nil)

		now := time.Now().Add(time.Minute)
		kept, err := raw.DueDeliveries(t.Context(), now, 9, 9)
		require.NoError(t, err)
		require.Len(t, kept, 2)
		for i := range kept {
			require.NotContains(t, kept[i].URL, "canary")
		}
		due, err := s.DueDeliveries(t.Context(), now, 9, 9)
		require.NoError(t, err)
		for i := range due {
			require.Contains(t, []string{urls["early"], urls["late"]}, due[i].URL)
		}
		told, err := s.Deliveries(t.Context(), late.ID)
		require.NoError(t, err)
		require.Equal(t, urls["late"], told[0].URL)
		page, err := s.ListDeliveries(t.Context(), store.DeliveryFilter{TaskID: "late"})
		require.NoError(t, err)
		require.Len(t, page.Deliveries, 1)
		require.Equal(t, told[0], page.Deliveries[0].Delivery)
		lost, err := seal.New(raw, seal.Config{}).Deliveries(t.Context(), late.ID)
		require.NoError(t, err)
		require.Equal(t, task.Mask, lost[0].URL)
		page, err = seal.New(raw, seal.Config{}).ListDeliveries(t.Context(), store.DeliveryFilter{TaskID: "late"})
		require.NoError(t, err)
		require.Equal(t, task.Mask, page.Deliveries[0].URL)
	})
}
