# Functions share the stage of their caller: what they do, they do to its image.

# tool NAME: put tools/NAME.sh into the image, and see that it runs.
tool() {
  local name=$1                     # RUN sees the variables that its line names; $1 would be its own shell's
  COPY --chmod=755 tools/$name.sh /usr/local/bin/$name
  RUN echo test | $name > /dev/null
}

# retry N COMMAND…: up to N times, until it works.
retry() {
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    if [ $left -eq 0 ]; then return 1; fi
  done
}

# service NAME: what the image runs, as an ordinary user.
service() {
  USER user
  WORKDIR /home/user
  LABEL service=$1
  CMD exec shout < /ready
}
