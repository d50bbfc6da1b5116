package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/registry/store"
)

// TestFullDisk needs a user namespace, in which it may mount a small disk.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	cmd := process(t, "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	err := cmd.Run()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("no user namespaces here")
	}
	if err != nil {
		t.Error(err)
	}
}

// fillDisk runs in a namespace of its own.
func fillDisk(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	small, err := s.Ingest(context.Background(), v1.Hash{}, bytes.NewReader([]byte("small")))
	if err != nil {
		return err
	}
	_, err = s.Ingest(context.Background(), v1.Hash{}, bytes.NewReader(make([]byte, 1<<20)))
	var hinted interface{ Hint() string }
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &hinted) || hinted.Hint() == "" {
		return fmt.Errorf("on a full disk: %v", err)
	}
	if _, err := s.List(); err != nil || !s.Has(small.Digest) {
		return fmt.Errorf("afterwards: %v", err)
	}
	// What did not fit has left its room.
	_, err = s.Ingest(context.Background(), v1.Hash{}, bytes.NewReader(make([]byte, 128<<10)))
	return err
}
