package doctor

import (
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Place is what the program runs in, which decides how its settings are written.
type Place string

// The places.
const (
	Host       Place = "host"
	Docker     Place = "docker"
	Podman     Place = "podman"
	Kubernetes Place = "kubernetes"
	Container  Place = "container" // of another kind
)

// here finds out by the marks that each of them leaves. A machine whose disk was made of an image has /.dockerenv too, but
// nobody gives it its /etc/hosts.
func here() Place {
	switch {
	case os.Getenv("KUBERNETES_SERVICE_HOST") != "" || exists("/run/secrets/kubernetes.io"):
		return Kubernetes
	case exists("/run/.containerenv"):
		return Podman
	case exists("/.dockerenv") && mounted("/etc/hosts"):
		return Docker
	case os.Getenv("container") != "" || exists("/run/systemd/container"):
		return Container
	}
	return Host
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func mounted(path string) bool {
	is, err := mountinfo.Mounted(path)
	return is && err == nil
}

// String is the place in a sentence; empty for a host.
func (p Place) String() string {
	switch p {
	case Docker:
		return "in a docker container"
	case Podman:
		return "in a podman container"
	case Kubernetes:
		return "in a Kubernetes pod"
	case Container:
		return "in a container"
	}
	return ""
}

// option writes how a container is started: by a flag of docker's and podman's, or by a field of a pod.
func (p Place) option(docker, podman, pod, other string) string {
	switch p {
	case Docker:
		return "docker run " + docker
	case Podman:
		return "podman run " + podman
	case Kubernetes:
		return "in the pod: " + pod
	case Host:
		return other
	}
	return "docker run " + docker + "; in a pod: " + pod
}

// outside is where the settings of the kernel are changed.
func (p Place) outside(command string) string {
	switch p {
	case Host:
		return command
	case Kubernetes:
		return "on the node: " + command
	}
	return "on the host: " + command
}

// image is where programs are installed.
func (p Place) image(command string) string {
	if p == Host {
		return command
	}
	return "in the image: " + strings.TrimPrefix(command, "sudo ")
}
