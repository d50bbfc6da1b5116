package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/build"
)

// setContext reads where the build context is, and those that --build-context names. A folder of a name goes before
// a repository of it, as in docker.
func (f *buildFlags) setContext(o *build.Options, stdin io.Reader) (err error) {
	if o.Contexts, err = namedContexts(f.contexts); err != nil {
		return err
	}
	info, err := os.Stat(f.context)
	switch {
	case f.context == "-":
		if f.file == "-" {
			return diag.WithHint(errors.New("standard input cannot be both the build context and the Dockerfile"), "give one of them as a file")
		}
		o.Stdin, f.fetched = stdin, true
		return nil
	case (err != nil || !info.IsDir()) && build.IsRemote(f.context):
		o.Remote, f.fetched = f.context, true
		return nil
	case errors.Is(err, fs.ErrNotExist) && f.docker:
		return diag.WithHint(fmt.Errorf("the build context %s: there is no such folder", f.context), "shbuild build . builds in the current one")
	case f.docker && err == nil && !info.IsDir():
		return diag.WithHint(fmt.Errorf("the build context %s is not a folder", f.context), "shbuild "+f.context+" builds the file, with its folder as the context")
	case err == nil && !info.IsDir():
		return fmt.Errorf("the build context %s is not a folder", f.context)
	}
	o.Context, err = filepath.Abs(f.context)
	if f.file == "" {
		f.file = defaultFile(f.context)
	}
	if f.file != "-" {
		o.Dockerfile = f.file
	}
	return err
}

// defaultFile is the Dockerfile of a folder; in lower case if there is only that.
func defaultFile(dir string) string {
	file := filepath.Join(dir, "Dockerfile")
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		lower := filepath.Join(dir, "dockerfile")
		if _, err := os.Lstat(lower); err == nil {
			return lower
		}
	}
	return file
}

func namedContexts(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		name, source, ok := strings.Cut(text, "=")
		if !ok || name == "" || source == "" {
			return nil, fmt.Errorf("--build-context %s: write NAME=CONTEXT", text)
		}
		short, err := build.ContextName(name)
		if err == nil {
			source, err = build.CheckContext(source)
		}
		if err != nil {
			return nil, fmt.Errorf("--build-context %s: %w", text, err)
		}
		out[short] = source
	}
	return out, nil
}

// open opens the build context and reads the file to be built.
func (f *buildFlags) open(ctx context.Context, b *build.Builder, stdin io.Reader) (*syntax.File, error) {
	dir, alone, err := b.OpenContext(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case alone != "" && f.file != "":
		return nil, diag.WithHint(errors.New("there are two files to build: "+f.file+", and the build context is a Dockerfile by itself"), "an archive, a repository or a folder is a context with files in it")
	case alone != "":
		return f.readIn(dir, alone)
	case f.docker && f.fetched && !filepath.IsAbs(f.file) && f.file != "-":
		return f.readIn(dir, f.file)
	}
	return f.read(stdin)
}

// readIn reads the file out of a context that was fetched: nothing in that leads out of it.
func (f *buildFlags) readIn(dir, name string) (*syntax.File, error) {
	if filepath.IsAbs(name) {
		dir, name = filepath.Split(name) // a folder of its own
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if name == "" {
		name = "Dockerfile"
		if _, err := root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			if _, err := root.Lstat("dockerfile"); err == nil {
				name = "dockerfile"
			}
		}
	}
	text, err := root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, diag.WithHint(fmt.Errorf("%s: there is no such file in the build context", name), "-f names another one")
	}
	if err != nil {
		return nil, fmt.Errorf("read the file to build: %w", err)
	}
	return syntax.Read(&diag.Source{Name: name, Text: text})
}

// read reads the file to be built.
func (f *buildFlags) read(stdin io.Reader) (*syntax.File, error) {
	if f.file == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read the Dockerfile from standard input: %w", err)
		}
		return syntax.Read(&diag.Source{Name: "-", Text: text})
	}
	text, err := os.ReadFile(f.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.WithHint(fmt.Errorf("%s: no such file", f.file), "shbuild FILE builds a file, shbuild build DIR the Dockerfile in a folder")
	case errors.Is(err, syscall.EISDIR):
		return nil, diag.WithHint(fmt.Errorf("%s is a folder, not a file to build", f.file), "shbuild build "+f.file+" builds the Dockerfile in it")
	case err != nil:
		return nil, fmt.Errorf("read the file to build: %w", err)
	}
	return syntax.Read(&diag.Source{Name: f.file, Text: text})
}
