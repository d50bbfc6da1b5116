package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// Words are what stands behind `docker run` or `podman run` for a container of a pod. Profiles is the folder of localhost
// profiles of seccomp, secrets that of folders with secrets.
func Words(engine string, pod *corev1.PodSpec, name, profiles, secrets string) ([]string, error) {
	all := slices.Concat(pod.InitContainers, pod.Containers)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no container %s", name)
	}
	// A container of rootless podman is in a user namespace with as many ids as a pod's, and one of docker's in none.
	if inside := pod.HostUsers != nil && !*pod.HostUsers; inside != (engine == "podman") {
		return nil, fmt.Errorf("%s cannot express hostUsers: %t", engine, !inside)
	}
	c, w := all[i], &words{engine: engine}
	w.user(pod, &c)
	if err := w.security(pod, &c, profiles); err != nil {
		return nil, err
	}
	for _, e := range c.Env {
		w.add("--env", e.Name+"="+e.Value)
	}
	if err := w.volumes(pod, &c, secrets); err != nil {
		return nil, err
	}
	if len(c.Command) > 0 {
		w.add("--entrypoint", c.Command[0])
	}
	w.add(c.Image)
	if len(c.Command) > 1 {
		w.add(c.Command[1:]...)
	}
	w.add(c.Args...)
	return w.list, nil
}

type words struct {
	engine string
	list   []string
}

func (w *words) add(more ...string) { w.list = append(w.list, more...) }

func (w *words) user(pod *corev1.PodSpec, c *corev1.Container) {
	var uid, gid *int64
	if s := pod.SecurityContext; s != nil {
		uid, gid = s.RunAsUser, s.RunAsGroup
	}
	if s := c.SecurityContext; s != nil {
		if s.RunAsUser != nil {
			uid = s.RunAsUser
		}
		if s.RunAsGroup != nil {
			gid = s.RunAsGroup
		}
	}
	if uid == nil {
		return
	}
	user := strconv.FormatInt(*uid, 10)
	if gid != nil {
		user += ":" + strconv.FormatInt(*gid, 10)
	}
	w.add("--user", user)
}

func (w *words) security(pod *corev1.PodSpec, c *corev1.Container, profiles string) error {
	s := c.SecurityContext
	if s == nil {
		s = &corev1.SecurityContext{}
	}
	if s.Privileged != nil && *s.Privileged {
		w.add("--privileged")
	}
	if s.Capabilities != nil {
		for _, name := range s.Capabilities.Drop {
			w.add("--cap-drop", string(name))
		}
		for _, name := range s.Capabilities.Add {
			w.add("--cap-add", string(name))
		}
	}
	if s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation {
		w.add("--security-opt", "no-new-privileges")
	}
	if s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem {
		w.add("--read-only")
	}
	if s.ProcMount != nil && *s.ProcMount == corev1.UnmaskedProcMount {
		w.add("--security-opt", map[string]string{"docker": "systempaths=unconfined", "podman": "unmask=ALL"}[w.engine])
	}
	seccomp, apparmor := s.SeccompProfile, s.AppArmorProfile
	if p := pod.SecurityContext; p != nil {
		if seccomp == nil {
			seccomp = p.SeccompProfile
		}
		if apparmor == nil {
			apparmor = p.AppArmorProfile
		}
	}
	switch {
	case seccomp == nil:
		return fmt.Errorf("container %s: without a seccompProfile it is the node that decides", c.Name)
	case seccomp.Type == corev1.SeccompProfileTypeUnconfined:
		w.add("--security-opt", "seccomp=unconfined")
	case seccomp.Type == corev1.SeccompProfileTypeLocalhost:
		w.add("--security-opt", "seccomp="+filepath.Join(profiles, *seccomp.LocalhostProfile))
	}
	switch {
	case apparmor == nil:
	case apparmor.Type == corev1.AppArmorProfileTypeUnconfined:
		w.add("--security-opt", "apparmor=unconfined")
	case apparmor.Type == corev1.AppArmorProfileTypeLocalhost && hasAppArmor():
		w.add("--security-opt", "apparmor="+*apparmor.LocalhostProfile)
	}
	return nil
}

func (w *words) volumes(pod *corev1.PodSpec, c *corev1.Container, secrets string) error {
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			return fmt.Errorf("container %s mounts a volume %s that is not there", c.Name, m.Name)
		}
		source := m.Name
		switch v := pod.Volumes[i]; {
		case v.EmptyDir != nil:
		case v.Secret != nil:
			source = filepath.Join(secrets, v.Secret.SecretName)
		default:
			return fmt.Errorf("volume %s is neither an emptyDir nor a secret", m.Name)
		}
		how := ""
		if m.ReadOnly {
			how = ":ro"
		}
		w.add("--volume", source+":"+m.MountPath+how)
	}
	return nil
}
