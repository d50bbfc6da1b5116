package main

import (
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/build"
)

// attributes reads a flag of docker's NAME=VALUE,… form; what each means is for set to say.
func attributes(flag, text string, set func(name, value string) error) error {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("--%s %s: %w", flag, text, err)
	}
	for _, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			err := fmt.Errorf("--%s %s: a cache in a registry cannot be had in this version", flag, text)
			return diag.WithHint(err, "a folder holds one: type=local,src=DIR, type=local,dest=DIR")
		}
		if err := set(strings.ToLower(strings.TrimSpace(name)), value); err != nil {
			return fmt.Errorf("--%s %s: %w", flag, text, err)
		}
	}
	return nil
}

// errKind answers other kinds of caches than folders.
func errKind(kind string) error {
	return diag.WithHint(fmt.Errorf("type=%s cannot be had in this version", kind), "a folder holds a cache: type=local")
}

// parseCacheFrom reads --cache-from type=local,src=DIR[,tag=TAG][,digest=DIGEST].
func parseCacheFrom(text string) (build.CacheFrom, error) {
	from, kind := build.CacheFrom{Tag: "latest"}, ""
	err := attributes("cache-from", text, func(name, value string) error {
		switch name {
		case "type":
			kind = value
		case "src":
			from.Dir = value
		case "tag":
			from.Tag = value
		case "digest":
			from.Digest = value
		default:
			return fmt.Errorf("unknown attribute %q", name)
		}
		return nil
	})
	switch {
	case err != nil:
		return from, err
	case kind != "local":
		return from, fmt.Errorf("--cache-from %s: %w", text, errKind(kind))
	case from.Dir == "":
		return from, fmt.Errorf("--cache-from %s: src= is missing", text)
	}
	from.Dir, err = filepath.Abs(from.Dir)
	return from, err
}

// parseCacheTo reads --cache-to type=local,dest=DIR[,mode=min|max][,tag=TAG] and how the layers are compressed.
func parseCacheTo(text string) (build.CacheTo, error) {
	to, kind := build.CacheTo{Tag: "latest"}, ""
	err := attributes("cache-to", text, func(name, value string) (err error) {
		switch name {
		case "type":
			kind = value
		case "dest":
			to.Dir = value
		case "tag":
			to.Tag = value
		case "mode":
			if value != "min" && value != "max" {
				return fmt.Errorf("mode=%s: it is min or max", value)
			}
			to.Max = value == "max"
		case "ignore-error":
			if to.Lenient, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("ignore-error=%s is neither true nor false", value)
			}
		case "compression", "compression-level":
			return setForm(&to.Form, name, value)
		default:
			return fmt.Errorf("unknown attribute %q", name)
		}
		return nil
	})
	switch {
	case err != nil:
		return to, err
	case kind != "local":
		return to, fmt.Errorf("--cache-to %s: %w", text, errKind(kind))
	case to.Dir == "":
		return to, fmt.Errorf("--cache-to %s: dest= is missing", text)
	}
	if err := checkForm(&build.Output{Form: to.Form}); err != nil {
		return to, fmt.Errorf("--cache-to %s: %w", text, err)
	}
	to.Dir, err = filepath.Abs(to.Dir)
	return to, err
}
