package netpoll

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAlarm(t *testing.T) {
	a, err := NewAlarm()
	require.NoError(t, err)
	defer a.Close()
	for _, d := range []time.Duration{-time.Second, 0, 30 * time.Millisecond} {
		began := time.Now()
		a.Wait(d)
		require.GreaterOrEqual(t, time.Since(began), d)
	}
	a.Ring()
	a.Wait(time.Hour) // it was rung before
	go a.Ring()
	a.Wait(time.Hour)
}
