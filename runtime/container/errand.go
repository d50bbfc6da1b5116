package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// An errand is what a container's init waits for before it begins libcontainer's work. For a container that was made
// ahead of its step it brings what was not known then.
//
// libcontainer's init gets its configuration as one JSON object through a pipe, and asks for nothing else before it
// has it. Ours takes the object, puts the errand's values into it and hands it on through a pipe of its own. So all
// that is done with them is done by libcontainer, as ever.
type errand struct {
	// Config has values of libcontainer's initConfig by their names there; empty: it stays as it is.
	Config map[string]any `json:",omitempty"`
	// Root is the folder that the root file system, the last of the files that come with the errand, is attached to.
	// The mounts of this process were copied before it was mounted.
	Root string `json:",omitempty"`
}

// errandHead is how many digits come before the errand: its length.
const errandHead = 8

// receiveErrand waits for the errand and prepares for it. Without one, for the runner has ended, this process ends too.
func receiveErrand(side int) error {
	head, oob := make([]byte, errandHead), make([]byte, unix.CmsgSpace(4*4))
	var n, oobn int
	var err error
	for {
		n, oobn, _, _, err = unix.Recvmsg(side, head, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_WAITALL)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil || n == 0 {
		os.Exit(255)
	}
	files, err := rights(oob[:oobn])
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(string(head[:n]))
	if err != nil {
		return err
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(rawFile(side), text); err != nil {
		return err
	}
	var e struct {
		Config map[string]json.RawMessage
		Root   string
	}
	if err := json.Unmarshal(text, &e); err != nil || len(e.Config) == 0 {
		return err
	}
	if len(files) != 4 {
		return fmt.Errorf("%d files came", len(files))
	}
	for i, fd := range files[:3] {
		if err := unix.Dup3(fd, i, 0); err != nil {
			return fmt.Errorf("take the standard streams: %w", err)
		}
		unix.Close(fd)
	}
	if err := unix.MoveMount(files[3], "", unix.AT_FDCWD, e.Root, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("attach the root file system: %w", err)
	}
	unix.Close(files[3])
	return reconfigure(e.Config)
}

func rights(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	return unix.ParseUnixRights(&messages[0])
}

// reconfigure puts the values into libcontainer's configuration. Each has to be there already: a libcontainer that
// calls it something else must not pass unnoticed.
func reconfigure(values map[string]json.RawMessage) error {
	fd, err := strconv.Atoi(os.Getenv(initPipe))
	if err != nil {
		return err
	}
	pipe := os.NewFile(uintptr(fd), "init pipe")
	defer pipe.Close()
	var config map[string]json.RawMessage
	if err := json.NewDecoder(pipe).Decode(&config); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	for name, value := range values {
		if _, there := config[name]; !there {
			return errors.New("libcontainer's configuration has no " + name)
		}
		config[name] = value
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	memory, err := unix.MemfdCreate("configuration", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if _, err := rawFile(memory).Write(text); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if _, err := unix.Seek(memory, 0, io.SeekStart); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return os.Setenv(initPipe, strconv.Itoa(memory))
}
