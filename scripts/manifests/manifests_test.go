package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const folder = "../../examples/kubernetes"

// grades are the levels of the Pod Security Standards that each manifest is admitted to, from which version of Kubernetes.
var grades = map[string]struct {
	level api.Level
	since api.Version
}{
	"restricted.yaml": {api.LevelRestricted, api.MajorMinorVersion(1, 25)},
	"baseline.yaml":   {api.LevelBaseline, api.MajorMinorVersion(1, 35)}, // before, procMount is refused
	"legacy.yaml":     {api.LevelPrivileged, api.MajorMinorVersion(1, 30)},
}

var levels = []api.Level{api.LevelPrivileged, api.LevelBaseline, api.LevelRestricted}

func pods(t *testing.T, file string) []Object {
	t.Helper()
	objects, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(objects, func(o Object) bool { return o.Pod == nil })
}

// TestManifests reads every manifest by the API's types, without a field that these do not have.
func TestManifests(t *testing.T) {
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		objects, err := Read(file)
		if err != nil {
			t.Errorf("%v", err)
		}
		for _, o := range objects {
			if o.Name == "" {
				t.Errorf("%s: a %s without a name", file, o.Kind)
			}
			if o.Secret != nil && o.Secret.StringData[corev1.DockerConfigJsonKey] == "" {
				t.Errorf("%s: a Secret without %s", file, corev1.DockerConfigJsonKey)
			}
		}
		if _, known := grades[filepath.Base(file)]; !known && len(pods(t, file)) > 0 {
			t.Errorf("%s has a pod, and no grade", file)
		}
	}
}

// TestStrict holds the reading strict.
func TestStrict(t *testing.T) {
	good, err := os.ReadFile(folder + "/legacy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to, why string }{
		{"procMount", "procMount", ""},
		{"backoffLimit:", "backOffLimit:", "unknown field \"spec.backOffLimit\""},
		{"runAsUser: 1000", "runAsUser: bob", "cannot unmarshal string"},
		{"mountPath: /state", "mountpath: /state", "unknown field"},
		{"kind: Job", "kind: CronTab", "no kind that is expected"},
	} {
		file := filepath.Join(t.TempDir(), "changed.yaml")
		text := strings.Replace(string(good), change.from, change.to, 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(file)
		if (err != nil) != (change.why != "") || err != nil && !strings.Contains(err.Error(), change.why) {
			t.Errorf("%s: %v, want %q", change.to, err, change.why)
		}
	}
}

// TestGrades asks Kubernetes' own checks of the Pod Security Standards: each manifest passes its level, and none above.
func TestGrades(t *testing.T) {
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, grade := range grades {
		for _, o := range pods(t, filepath.Join(folder, name)) {
			for i, level := range levels {
				result := policy.AggregateCheckResults(checks.EvaluatePod(api.LevelVersion{Level: level, Version: grade.since}, o.Meta, o.Pod))
				if want := i <= slices.Index(levels, grade.level); result.Allowed != want {
					t.Errorf("%s, level %s, %s: %t, want %t: %s", name, level, grade.since.String(), result.Allowed, want, result.ForbiddenDetail())
				}
			}
		}
	}
}

// TestNothingOfTheNode: no pod is privileged, sees the node's files or namespaces, or has a token of the cluster.
func TestNothingOfTheNode(t *testing.T) {
	for name := range grades {
		for _, o := range pods(t, filepath.Join(folder, name)) {
			p := o.Pod
			if p.HostNetwork || p.HostPID || p.HostIPC || p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
				t.Errorf("%s: what is the node's or the cluster's", name)
			}
			for _, v := range p.Volumes {
				if v.EmptyDir == nil && (v.Secret == nil || v.Secret.SecretName != "registry-credentials") {
					t.Errorf("%s: volume %s", name, v.Name)
				}
			}
			for _, c := range slices.Concat(p.InitContainers, p.Containers) {
				s := c.SecurityContext
				if s == nil || s.Privileged != nil && *s.Privileged {
					t.Errorf("%s: container %s", name, c.Name)
					continue
				}
				if s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, func(c corev1.Capability) bool { return strings.HasPrefix(string(c), "SYS_") }) {
					t.Errorf("%s: container %s has %v", name, c.Name, s.Capabilities.Add)
				}
			}
		}
	}
}

// TestWords writes a container for docker and for podman, and refuses what these cannot express.
func TestWords(t *testing.T) {
	for _, tt := range []struct{ engine, file, container, want string }{
		{"docker", "restricted.yaml", "build", "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --read-only " +
			"--env DOCKER_CONFIG=/credentials --volume state:/state --volume source:/src:ro --volume temporary:/tmp --volume S/registry-credentials:/credentials:ro " +
			"registry.example/shbuild:latest build --push -t registry.example/site:latest /src/site"},
		{"docker", "legacy.yaml", "clone", "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --volume source:/src " +
			"--entrypoint git registry.example/git:latest clone --depth=1 https://git.example/dockerfiles /src/dockerfiles"},
		{"podman", "baseline.yaml", "build", "--user 0:0 --security-opt no-new-privileges --security-opt unmask=ALL --security-opt seccomp=P/shbuild.json "},
		{"docker", "baseline.yaml", "build", "docker cannot express hostUsers: false"},
		{"podman", "legacy.yaml", "build", "podman cannot express hostUsers: true"},
		{"docker", "legacy.yaml", "nobody", "there is no container nobody"},
	} {
		var got string
		for _, o := range pods(t, filepath.Join(folder, tt.file)) {
			words, err := Words(tt.engine, o.Pod, tt.container, "P", "S")
			got = strings.Join(words, " ")
			if err != nil {
				got = err.Error()
			}
		}
		if hasAppArmor() {
			got = strings.Replace(got, "--security-opt apparmor=shbuild-pod ", "", 1)
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s %s %s:\n%s\nwant\n%s", tt.engine, tt.file, tt.container, got, tt.want)
		}
	}
}
