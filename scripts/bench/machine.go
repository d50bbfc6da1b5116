package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes where it is measured: processor, memory, kernel, the file system and the disk under dir.
func machine(dir string) string {
	cpu := "unknown processor"
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		if _, after, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(after, "\n")
			cpu = strings.Trim(line, "\t: ")
		}
	}
	var mem unix.Sysinfo_t
	gib := 0.0
	if unix.Sysinfo(&mem) == nil {
		gib = float64(mem.Totalram) * float64(mem.Unit) / (1 << 30)
	}
	return fmt.Sprintf("%d cores of %s, %.0f GiB, Linux %s, %s on %s", runtime.NumCPU(), cpu, gib, release(), fileSystem(dir), disk(dir))
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

func fileSystem(dir string) string {
	out, err := exec.Command("stat", "-f", "-c", "%T", dir).Output()
	if err != nil {
		return "unknown file system"
	}
	return strings.TrimSpace(string(out))
}

// disk is the kind of the device that dir is on.
func disk(dir string) string {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return "unknown disk"
	}
	sys := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	target, err := os.Readlink(sys)
	if err != nil {
		return "no disk"
	}
	name := target[strings.LastIndex(target, "/")+1:]
	if strings.HasPrefix(name, "vd") {
		return "a virtio disk"
	}
	if data, err := os.ReadFile(sys + "/queue/rotational"); err == nil && strings.TrimSpace(string(data)) == "1" {
		return "a turning disk, " + name
	}
	return name
}
