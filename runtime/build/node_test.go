package build

import (
	"context"
	"errors"
	"testing"
)

// A stage that fails stops the others that are being made beside it. Whoever waits for one of those, from anywhere in
// the graph, is told of the failure, and not that the other was stopped.
func TestNodesStoppedByAFailure(t *testing.T) {
	t.Parallel()
	failure := errors.New("it does not compile")
	making := make(chan struct{})
	failing := &node{make: func(context.Context, files, []files) (files, error) {
		<-making
		return files{}, failure
	}}
	shared := &node{make: func(ctx context.Context, _ files, _ []files) (files, error) {
		close(making)
		<-ctx.Done()
		return files{}, ctx.Err()
	}}
	nothing := func(context.Context, files, []files) (files, error) { return files{}, nil }
	with := &node{deps: []*node{failing, shared}, make: nothing}
	ended := make(chan error)
	go func() {
		_, err := with.solve(t.Context())
		ended <- err
	}()
	<-making
	// The other consumer: its own context is nobody's to cancel.
	_, err := (&node{deps: []*node{shared}, make: nothing}).solve(t.Context())
	if !errors.Is(err, failure) {
		t.Errorf("who waits for the stopped one is told: %v", err)
	}
	if err := <-ended; !errors.Is(err, failure) {
		t.Error(err)
	}
}
