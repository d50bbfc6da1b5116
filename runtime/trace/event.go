package trace

import (
	"encoding/json"
	"strconv"
)

// event is one event of the trace-event form.
type event struct {
	Name     string `json:"name"`
	Category string `json:"cat,omitempty"`
	Phase    string `json:"ph"`
	Time     micros `json:"ts,omitempty"`
	Duration micros `json:"dur,omitempty"`
	Pid      int    `json:"pid"`
	Tid      int    `json:"tid"`
	Args     values `json:"args,omitempty"`
}

const category = "build"

func (e event) json() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // its types have JSON forms, all of them
	}
	return text
}

// micros is a time in ns that is written in µs. It is not rounded, so that what nests in ns nests in the file.
type micros int64

func (m micros) MarshalJSON() ([]byte, error) {
	text := strconv.AppendInt(nil, int64(m)/1000, 10)
	return append(text, '.', '0'+byte(m/100%10), '0'+byte(m/10%10), '0'+byte(m%10)), nil
}

// values are an event's own, in their order.
type values []value

type value struct {
	key string
	is  any // a string or an int64
}

func (v values) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, x := range v {
		if i > 0 {
			text = append(text, ',')
		}
		key, err := json.Marshal(x.key)
		if err != nil {
			return nil, err
		}
		is, err := json.Marshal(x.is)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, key...), ':'), is...)
	}
	return append(text, '}'), nil
}
