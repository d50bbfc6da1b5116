package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/internal/pattern"
	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/build"
)

// outputTypes are the types of --output.
var outputTypes = []string{"oci", "docker", "local", "tar", "image", "registry"}

// parseOutput reads one --output, in docker's spelling. Names that it gives
// are added to tags.
func parseOutput(text string, tags *[]string) (build.Output, error) {
	if text == "-" {
		return build.Output{Type: "tar", Dest: "-"}, nil
	}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return build.Output{}, fmt.Errorf("--output %s: %w", text, err)
	}
	if len(fields) == 1 && !strings.Contains(fields[0], "=") {
		return absolute(build.Output{Type: "local", Dest: fields[0]})
	}
	var o build.Output
	for _, field := range fields {
		if err := setOutput(&o, field, tags); err != nil {
			return o, fmt.Errorf("--output %s: %w", text, err)
		}
	}
	if err := checkForm(&o); err != nil {
		return o, fmt.Errorf("--output %s: %w", text, err)
	}
	switch {
	case !slices.Contains(outputTypes, o.Type):
		return o, fmt.Errorf("--output %s: type= must be one of %s", text, strings.Join(outputTypes, ", "))
	case o.Type == "image" || o.Type == "registry":
		if o.Dest != "" {
			return o, fmt.Errorf("--output %s: dest= has no place with this type", text)
		}
		return o, nil
	case o.Dest == "" && o.Type == "local":
		return o, fmt.Errorf("--output %s: dest= is missing", text)
	case o.Dest == "":
		o.Dest = "-"
	case o.Dest == "-" && (o.Type == "local" || o.Folder):
		return o, fmt.Errorf("--output %s: a folder cannot be written to standard output", text)
	}
	return absolute(o)
}

func setOutput(o *build.Output, field string, tags *[]string) error {
	name, value, _ := strings.Cut(field, "=")
	switch strings.ToLower(name) {
	case "type":
		o.Type = value
	case "dest":
		o.Dest = value
	case "name":
		*tags = append(*tags, strings.Split(value, ",")...)
	case "push":
		push, err := strconv.ParseBool(value)
		if err != nil || o.Type == "registry" && !push {
			return fmt.Errorf("push=%s makes no sense", value)
		}
		if push {
			o.Type = "registry"
		}
	case "tar":
		tar, err := strconv.ParseBool(value)
		if err != nil || o.Type != "oci" {
			return fmt.Errorf("tar=%s goes with type=oci, as true or false", value)
		}
		o.Folder = !tar
	case "rewrite-timestamp":
		rewrite, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("rewrite-timestamp=%s is neither true nor false", value)
		}
		o.Rewrite = rewrite
	default:
		return setForm(&o.Form, name, value)
	}
	return nil
}

// compressions are the values of compression=.
var compressions = map[string]image.Compression{"gzip": image.Gzip, "zstd": image.Zstd, "uncompressed": image.Uncompressed}

// setForm reads an attribute of how images are written.
func setForm(f *build.Form, name, value string) error {
	if strings.HasPrefix(name, "annotation") {
		a, err := parseAnnotation(name, value)
		if err == nil {
			f.Annotations = append(f.Annotations, a)
		}
		return err
	}
	switch strings.ToLower(name) {
	case "compression":
		c, ok := compressions[value]
		if !ok {
			return diag.WithHint(fmt.Errorf("compression=%s cannot be had", value), "gzip, zstd or uncompressed")
		}
		f.Compression = c
	case "compression-level":
		level, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("compression-level=%s is not a number", value)
		}
		f.Level = &level
	case "force-compression":
		force, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("force-compression=%s is neither true nor false", value)
		}
		f.Force = force
	case "oci-mediatypes":
		oci, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("oci-mediatypes=%s is neither true nor false", value)
		}
		f.Docker = !oci
	default:
		return fmt.Errorf("unknown attribute %q", name)
	}
	return nil
}

// checkForm refuses what does not go together.
func checkForm(o *build.Output) error {
	f := o.Form
	if o.Type == "local" || o.Type == "tar" {
		if f.Compression != "" || f.Level != nil || f.Force || f.Docker || len(f.Annotations) > 0 {
			return diag.WithHint(fmt.Errorf("type=%s writes files, not an image", o.Type), "compression, media types and annotations go with oci, docker, image and registry")
		}
		return nil
	}
	if f.Level != nil {
		c := f.Compression
		if c == "" {
			c = image.Gzip
		}
		if err := c.CheckLevel(*f.Level); err != nil {
			return fmt.Errorf("compression-level=%d: %w", *f.Level, err)
		}
	}
	if f.Docker && f.Compression == image.Zstd {
		return diag.WithHint(errors.New("docker's media types have no zstd"), "leave oci-mediatypes=false out, or take gzip")
	}
	if f.Docker && len(f.Annotations) > 0 {
		return diag.WithHint(errors.New("docker's media types have no annotations"), "leave oci-mediatypes=false out")
	}
	return nil
}

// annotationName is an attribute: annotation[-TYPE][[PLATFORM]].KEY.
var annotationName = pattern.Lazy(`^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)$`)

func parseAnnotation(name, value string) (build.Annotation, error) {
	m := annotationName().FindStringSubmatch(name)
	if m == nil {
		return build.Annotation{}, diag.WithHint(fmt.Errorf("%s=%s is no annotation", name, value), "annotation.KEY=VALUE, annotation-index.KEY=VALUE, annotation-manifest[linux/arm64].KEY=VALUE")
	}
	return annotation(cmp.Or(m[1], "manifest"), m[2], m[3], value)
}

func annotation(on, platform, key, value string) (build.Annotation, error) {
	a := build.Annotation{On: on, Key: key, Value: value}
	if !slices.Contains(build.AnnotationKinds, on) {
		return a, fmt.Errorf("an annotation stands on %s, not on %s", strings.Join(build.AnnotationKinds, ", "), on)
	}
	if platform != "" {
		if !strings.HasPrefix(on, "manifest") {
			return a, fmt.Errorf("an annotation of an %s has no platform", on)
		}
		p, err := platforms.Parse(platform)
		if err != nil {
			return a, err
		}
		p = platforms.Normalize(p)
		a.Platform = &p
	}
	return a, nil
}

// annotationFlag is the front of an --annotation: TYPE[PLATFORM],…:
var annotationFlag = pattern.Lazy(`^([a-z-]+(?:\[[A-Za-z0-9_/-]+\])?(?:,[a-z-]+(?:\[[A-Za-z0-9_/-]+\])?)*):`)

var annotationKind = pattern.Lazy(`^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$`)

// parseAnnotations reads --annotation [TYPE[[PLATFORM]],…:]KEY=VALUE.
func parseAnnotations(list []string) ([]build.Annotation, error) {
	var out []build.Annotation
	for _, text := range list {
		kinds, rest := "manifest", text
		before, _, _ := strings.Cut(text, "=")
		if m := annotationFlag().FindStringSubmatch(before); m != nil {
			kinds, rest = m[1], text[len(m[0]):]
		}
		key, value, ok := strings.Cut(rest, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--annotation %s: write KEY=VALUE, or TYPE:KEY=VALUE", text)
		}
		for kind := range strings.SplitSeq(kinds, ",") {
			m := annotationKind().FindStringSubmatch(kind)
			a, err := annotation(m[1], m[2], key, value)
			if err != nil {
				return nil, fmt.Errorf("--annotation %s: %w", text, err)
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// absolute makes the destination independent of the working directory.
func absolute(o build.Output) (_ build.Output, err error) {
	if o.Dest != "" && o.Dest != "-" {
		o.Dest, err = filepath.Abs(o.Dest)
	}
	return o, err
}

// one refuses more outputs to standard output than there is room for.
func oneStdout(outputs []build.Output, quiet bool) error {
	n := 0
	for _, o := range outputs {
		if o.Dest == "-" {
			n++
		}
	}
	if n > 1 || n == 1 && quiet {
		return errors.New("--output: standard output can take one thing only")
	}
	return nil
}
