package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Object is one of a file's.
type Object struct {
	Kind, Name string
	Meta       *metav1.ObjectMeta // the pod's
	Pod        *corev1.PodSpec    // nil: it starts none
	Secret     *corev1.Secret
}

// Read reads the objects of a file. A field that the API has not, or one that is there twice, is an error.
func Read(file string) ([]Object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		o, err := object(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func object(text []byte) (Object, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return Object{}, err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "v1 Pod":
		var pod corev1.Pod
		err := strict(text, &pod)
		return Object{kind.Kind, pod.Name, &pod.ObjectMeta, &pod.Spec, nil}, err
	case "batch/v1 Job":
		var job batchv1.Job
		err := strict(text, &job)
		return Object{kind.Kind, job.Name, &job.Spec.Template.ObjectMeta, &job.Spec.Template.Spec, nil}, err
	case "v1 Secret":
		var secret corev1.Secret
		err := strict(text, &secret)
		return Object{kind.Kind, secret.Name, nil, nil, &secret}, err
	}
	return Object{}, fmt.Errorf("%s %s is of no kind that is expected here", kind.APIVersion, kind.Kind)
}

// strict reads as the API's server does with fieldValidation=Strict.
func strict(text []byte, object any) error {
	converted, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(converted, object)
	return errors.Join(append(unknown, err)...)
}
