package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	"github.com/google/renameio/v2"

	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/trace"
)

// splitPlatforms reads --platform: one, or several with commas between them, each once.
func splitPlatforms(text string) ([]string, error) {
	if text == "" {
		return []string{""}, nil
	}
	var out []string
	seen := map[string]bool{}
	for one := range strings.SplitSeq(text, ",") {
		p, err := platforms.Parse(one)
		if err != nil {
			return nil, fmt.Errorf("--platform %s: %w", one, err)
		}
		if key := platforms.FormatAll(platforms.Normalize(p)); !seen[key] {
			seen[key] = true
			out = append(out, one)
		}
	}
	return out, nil
}

// build builds for each platform, one after another, and writes the outputs.
func (j *job) build(ctx context.Context, std streams, display *display) (made build.Delivered, err error) {
	var built []build.Built
	defer func() {
		_, span := trace.Start(ctx, "close the state folder")
		defer span.End()
		for _, x := range built {
			err = errors.Join(err, x.Builder.Close())
		}
	}()
	defer func() {
		for i, x := range built {
			list, werr := x.Builder.Why(err == nil)
			for _, e := range list {
				if len(j.platforms) > 1 {
					e.At = j.platforms[i] + " " + e.At
				}
				j.why = append(j.why, e)
			}
			err = cmp.Or(err, werr)
		}
	}()
	var file *syntax.File
	options := j.options
	for _, p := range j.platforms {
		options.Platform = p
		if len(j.platforms) > 1 {
			options.Progress = &platformDisplay{display, p}
		}
		_, opening := trace.Start(ctx, "open the state folder")
		b, err := build.New(options)
		opening.End()
		if err != nil {
			return made, err
		}
		built = append(built, build.Built{Builder: b})
		if file == nil {
			reading, span := trace.Start(ctx, "read the file")
			file, err = j.flags.open(reading, b, std.in)
			span.End()
			if err != nil {
				return made, err
			}
			options = b.SameContext(options)
		}
		building, span := trace.Start(ctx, strings.TrimSpace("build "+p))
		built[len(built)-1].Result, err = b.Build(building, file)
		span.End()
		if err != nil {
			return made, err
		}
	}
	giving, span := trace.Start(ctx, "deliver")
	made, err = build.Deliver(giving, built, j.wanted)
	span.End()
	if err != nil {
		return made, err
	}
	for _, to := range j.cacheTo {
		if err := build.ExportCache(ctx, built, to); err != nil {
			return made, err
		}
	}
	return made, nil
}

// platformDisplay tells the steps of builds for several platforms apart, as docker does.
type platformDisplay struct {
	*display
	platform string
}

func (d *platformDisplay) Begin(title string) build.Step {
	if rest, ok := strings.CutPrefix(title, "["); ok {
		return d.display.Begin("[" + d.platform + " " + rest)
	}
	return d.display.Begin(d.platform + " " + title)
}

// annotate gives all images the annotations of --annotation.
func (f *buildFlags) annotate(w *build.Wanted) error {
	list, err := parseAnnotations(f.annotations)
	if err != nil || len(list) == 0 {
		return err
	}
	for i := range w.Outputs {
		o := &w.Outputs[i]
		if o.Type == "local" || o.Type == "tar" {
			continue
		}
		o.Form.Annotations = append(o.Form.Annotations, list...)
		if err := checkForm(o); err != nil {
			return fmt.Errorf("--annotation: %w", err)
		}
	}
	w.Default.Annotations = list
	return nil
}

// report writes the files that tell what was made.
func (j *job) report(made build.Delivered) error {
	if file := j.flags.iidfile; file != "" {
		if err := renameio.WriteFile(file, []byte(made.ID), 0o644); err != nil {
			return fmt.Errorf("write the image ID: %w", err)
		}
	}
	if j.flags.metadata == "" {
		return nil
	}
	text, err := json.MarshalIndent(metadataOf(made), "", "  ")
	if err == nil {
		err = renameio.WriteFile(j.flags.metadata, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the metadata: %w", err)
	}
	return nil
}

// metadataOf is what docker's --metadata-file tells of an image.
func metadataOf(made build.Delivered) map[string]any {
	out := map[string]any{}
	if made.ID == "" {
		return out
	}
	out["containerimage.digest"] = made.Descriptor.Digest.String()
	out["containerimage.descriptor"] = made.Descriptor
	if made.Config != "" {
		out["containerimage.config.digest"] = made.Config
	}
	if len(made.Names) > 0 {
		out["image.name"] = strings.Join(made.Names, ",")
	}
	return out
}
