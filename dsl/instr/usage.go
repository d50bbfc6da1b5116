package instr

import (
	"strings"

	"github.com/shbuild/shbuild/dsl/diag"
)

// usage is how Dockerfile's instructions are written.
var usage = map[string]string{
	"ADD":         "ADD src… dest, as in: ADD app.tar.gz /srv/",
	"ARG":         "ARG NAME[=default]",
	"CMD":         `CMD ["program", "argument"]`,
	"COPY":        "COPY src… dest, as in: COPY app.conf /etc/",
	"ENTRYPOINT":  `ENTRYPOINT ["program", "argument"]`,
	"ENV":         "ENV NAME=value…",
	"EXPOSE":      "EXPOSE port[/protocol], as in: EXPOSE 8080/tcp",
	"FROM":        "FROM image [AS name]",
	"HEALTHCHECK": "HEALTHCHECK [--interval=30s] CMD command, or HEALTHCHECK NONE",
	"LABEL":       "LABEL name=value…",
	"ONBUILD":     "ONBUILD INSTRUCTION …",
	"RUN":         "RUN command",
	"SHELL":       `SHELL ["/bin/sh", "-c"]`,
	"STOPSIGNAL":  "STOPSIGNAL SIGTERM",
	"USER":        "USER name[:group]",
	"VOLUME":      "VOLUME /folder…",
	"WORKDIR":     "WORKDIR /folder",
}

// advised gives an error of BuildKit's parser, which says what is wrong, how the instruction is written. Flags are told
// by their names.
func advised(keyword string, err error) error {
	how := usage[keyword]
	if err == nil || how == "" || diag.HintOf(err) != "" || strings.Contains(err.Error(), "flag") {
		return err
	}
	return diag.WithHint(err, "it is written: "+how)
}
