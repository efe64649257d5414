package bpmn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

var noon = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

func TestScheduleOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind bpmn.TimerKind
		text string
		want string
	}{
		{bpmn.TimerDuration, "PT10S", "2030-01-31T12:00:10Z"},
		{bpmn.TimerDuration, "PT1.5S", "2030-01-31T12:00:01.5Z"},
		{bpmn.TimerDuration, " P1DT2H3M4S ", "2030-02-01T14:03:04Z"},
		{bpmn.TimerDuration, "P2W", "2030-02-14T12:00:00Z"},
		{bpmn.TimerDuration, "P1Y1M", "2031-03-03T12:00:00Z"}, // there is no 31 February
		{bpmn.TimerDuration, "PT0S", "2030-01-31T12:00:00Z"},
		{bpmn.TimerDate, "2031-05-06T07:08:09Z", "2031-05-06T07:08:09Z"},
		{bpmn.TimerDate, "2031-05-06T07:08:09.25+02:00", "2031-05-06T05:08:09.25Z"},
		{bpmn.TimerDate, "2031-05-06T07:08:09+0200", "2031-05-06T05:08:09Z"},
		{bpmn.TimerDate, "2031-05-06T07:08", "2031-05-06T07:08:00Z"},
		{bpmn.TimerDate, "2031-05-06", "2031-05-06T00:00:00Z"},
	} {
		s, err := c.kind.Schedule(c.text, "", noon)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, s.At.UTC().Format(time.RFC3339Nano), c.text)
		_, more := s.Next()
		require.False(t, more, c.text)
	}
}

func TestScheduleDateWithoutZoneIsInThatOfNow(t *testing.T) {
	t.Parallel()
	s, err := bpmn.TimerDate.Schedule("2031-05-06T07:00:00", "", noon.In(time.FixedZone("", 3600)))
	require.NoError(t, err)
	require.Equal(t, "2031-05-06T06:00:00Z", s.At.UTC().Format(time.RFC3339))
}

func TestScheduleCycle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, end string
		want      []string // at most four are asked for
	}{
		{"R3/PT10S", "", []string{"12:00:10", "12:00:20", "12:00:30"}},
		{"R1/PT10S", "", []string{"12:00:10"}},
		{"R/PT1H", "", []string{"13:00:00", "14:00:00", "15:00:00", "16:00:00"}},
		{"R2/2030-01-31T20:00:00Z/PT1H", "", []string{"20:00:00", "21:00:00"}},
		{"R/PT1H/2030-01-31T14:30:00Z", "", []string{"13:00:00", "14:00:00"}},
		{"R/PT1H", "2030-01-31T13:00:00Z", []string{"13:00:00"}},
	} {
		s, err := bpmn.TimerCycle.Schedule(c.text, c.end, noon)
		require.NoError(t, err, c.text)
		var got []string
		for more := true; more && len(got) < 4; s, more = s.Next() {
			got = append(got, s.At.Format(time.TimeOnly))
		}
		require.Equal(t, c.want, got, c.text)
	}
}

func TestScheduleRefuses(t *testing.T) {
	t.Parallel()
	for kind, texts := range map[bpmn.TimerKind][]string{
		bpmn.TimerDuration: {
			"", "P", "PT", "P1DT", "10S", "PT10", "PTS", "P1S", "PT1D", "PT1S1H", "PT1H1H", "P-1D", "-P1D", "P1.5D", "PT1..5S",
			"PT99999999999S", "PT2500000H99999999M", "P9999999Y", "P9999Y", "PT10 S",
		},
		bpmn.TimerDate:  {"", "tomorrow", "2030-13-01", "2030-02-30T00:00:00Z", "12:00"},
		bpmn.TimerCycle: {"", "R", "R3", "R3/", "PT10S", "R0/PT10S", "R-1/PT10S", "Rx/PT10S", "R3/PT0S", "R3/PT1S/PT1S", "R/PT1S/2030-01-01/x", "0 * * * *"},
		0:               {"PT1S"},
	} {
		for _, text := range texts {
			s, err := kind.Schedule(text, "", noon)
			require.Error(t, err, "%s %q", kind, text)
			require.Zero(t, s)
		}
	}
	_, err := bpmn.TimerCycle.Schedule("R/PT1S", "never", noon)
	require.Error(t, err)
}

func TestScheduleEndsWithTheCalendar(t *testing.T) {
	t.Parallel()
	s, err := bpmn.TimerCycle.Schedule("R/P4000Y", "", noon)
	require.NoError(t, err)
	s, more := s.Next()
	require.False(t, more)
	require.Zero(t, s)
}
