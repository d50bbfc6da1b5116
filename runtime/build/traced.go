package build

import (
	"context"
	"fmt"

	"github.com/shbuild/shbuild/runtime/trace"
)

// The tracks of a trace besides those of stages and shells.
const (
	basesTrack    = "base images"
	registryTrack = "registries"
	layersTrack   = "layers"
	blobsTrack    = "blobs"
)

// begin begins the span of an instruction's work, on the track of its stage.
func (in *input) begin(ctx context.Context) (context.Context, *trace.Span) {
	return in.beginAs(ctx, "")
}

// beginAs is begin for work that has another title.
func (in *input) beginAs(ctx context.Context, title string) (context.Context, *trace.Span) {
	if trace.Of(ctx) == nil {
		return ctx, nil
	}
	if title == "" {
		title = in.title()
	}
	ctx, span := trace.Start(trace.On(ctx, in.track), title)
	in.place.tell(span)
	return ctx, span
}

// tell says of a span where its instruction stands.
func (p *place) tell(span *trace.Span) {
	if span != nil && p.source != nil {
		span.Text("at", fmt.Sprintf("%s:%d", p.source.Name, p.span.Start.Line))
	}
}

// ended ends a span, and says of one that failed that it did.
func ended(span *trace.Span, err error) {
	if err != nil {
		span.Text("failed", "yes")
	}
	span.End()
}

// watched lets a trace tell what a registry is asked.
func watched(ctx context.Context, what string) (context.Context, func()) {
	ctx, span := trace.Start(trace.On(ctx, registryTrack), what)
	return ctx, span.End
}
