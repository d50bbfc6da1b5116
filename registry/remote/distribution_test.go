package remote_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/shbuild/shbuild/registry/remote"
)

// distribution starts the registry that most people run, with TLS and a user where they are wanted. It
// gives its address.
func distribution(t *testing.T, secure bool) string {
	t.Helper()
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is not installed")
	}
	dir := t.TempDir()
	host := freeAddress(t)
	config := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp:\n  addr: %s\n", dir, host)
	if secure {
		writeCertificate(t, dir)
		// me, secret: bcrypt with few rounds
		users := "me:$2b$04$gkAGK2ukuI22uAuAdewWeOkXv/eStbagV97IGVkR.igO5NURLPzCm\n"
		if err := os.WriteFile(filepath.Join(dir, "users"), []byte(users), 0o600); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("  tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}\nauth: {htpasswd: {realm: test, path: %[1]s/users}}\n", dir)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "serve", filepath.Join(dir, "config.yml"))
	out := &logBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 500 {
		conn, err := net.Dial("tcp", host)
		if err == nil {
			conn.Close()
			return host
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("docker-registry does not start: %s", out)
	return ""
}

// logBuffer is a bytes.Buffer for a process and its reader.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"registry.test"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDistribution(t *testing.T) {
	t.Parallel()
	host := distribution(t, false)
	c := client(t, remote.Options{})
	img := randomImage(t, linux)
	if err := c.Push(t.Context(), img, host+"/a/b:v1"); err != nil {
		t.Fatal(err)
	}
	got, digest, err := c.Fetch(t.Context(), host+"/a/b:v1", linux)
	if err != nil || digest != digestOf(t, img) {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if err := c.Push(t.Context(), got, host+"/c:v1"); err != nil {
		t.Error(err)
	}
	_, _, err = c.Fetch(t.Context(), host+"/a/b:v2", linux)
	wantError(t, err, remote.NotFound, "manifest unknown", "the repository has the tags v1")
	_, _, err = c.Fetch(t.Context(), host+"/nope:v2", linux)
	wantError(t, err, remote.NotFound, "not in the registry", "check the name")
}

func TestDistributionWithTLSAndLogin(t *testing.T) {
	t.Parallel()
	host := distribution(t, true)
	img := randomImage(t, linux)
	c := client(t, remote.Options{Keychain: keys{host, "me", "secret"}})
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Fatal(err)
	}
	got, _, err := c.Fetch(t.Context(), host+"/x:v1", linux)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	_, _, err = client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
	wantError(t, err, remote.Unauthorized, "authentication required", "docker login "+host)

	far := client(t, remote.Options{Keychain: keys{"registry.test", "me", "secret"}})
	far.DialTo(host)
	_, _, err = far.Fetch(t.Context(), "registry.test/x:v1", linux)
	wantError(t, err, remote.Insecure, "unknown authority", "--insecure")
}
