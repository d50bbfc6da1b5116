// Package container makes the containers of package sandbox, in the runner's process. It is the only user of
// libcontainer.
//
// libcontainer starts the executable that it is part of once more for each container, as its init. So the executable
// should be a small one, and a sealed one, which it need not copy.
package container

import (
	"io"
	"os"

	_ "github.com/opencontainers/cgroups/devices" // sets device rules where there is a cgroup
	"github.com/opencontainers/runc/libcontainer"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // its constructor makes the container's namespaces
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// sideFd is the container init's end of the side channel: the first, and only, of libcontainer's extra files.
const sideFd = 3

// initPipe is the environment variable with the number of the file that libcontainer's init has its configuration from.
const initPipe = "_LIBCONTAINER_INITPIPE"

// Init has to be called first thing in main and in TestMain: libcontainer starts this executable again as the
// container's init, and Init never returns there. Elsewhere it only makes libcontainer's logger quiet, whose
// errors come out of Run, and the inits small.
//
// No subcommand may be called "init".
func Init() {
	if len(os.Args) == 2 && os.Args[1] == guardRole {
		guard()
	}
	if len(os.Args) == 2 && os.Args[1] == launchRole {
		launcher()
	}
	if len(os.Args) < 2 || os.Args[1] != "init" || os.Getenv(initPipe) == "" {
		// libcontainer hands this on to its init, which has one thing to do at a time: each more would cost it threads.
		_ = os.Setenv("GOMAXPROCS", "1")
		logrus.SetOutput(io.Discard)
		logrus.SetLevel(logrus.ErrorLevel)
		return
	}
	unix.CloseOnExec(sideFd)
	if err := receiveErrand(sideFd); err != nil {
		_, _ = rawFile(sideFd).Write([]byte("receive the step: " + err.Error()))
		os.Exit(255)
	}
	waiting := make(chan struct{})
	go loadOnRequest(sideFd, waiting)
	<-waiting
	// Should the exec of the user's program fail, all that libcontainer does is to print the error. It goes to
	// Run, and not into the user's standard error.
	os.Stderr = os.NewFile(sideFd, "side channel")
	libcontainer.Init()
}
