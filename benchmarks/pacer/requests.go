package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// read has the requests of one of the two files.
func read(viewers, asks string) ([]request, error) {
	switch {
	case viewers != "":
		return lines(viewers, 3, start)
	case asks != "":
		return lines(asks, 2, func(fields []string) request {
			return request{method: fields[0], path: fields[1]}
		})
	}
	return nil, errors.New("give -viewers or -asks")
}

// start of a session, by access token, event and device.
func start(fields []string) request {
	return request{
		method: "POST",
		path:   "/v1/sessions",
		body:   fmt.Sprintf(`{"event":%q,"device":{"id":%q,"kind":"tv"}}`, fields[1], fields[2]),
		headers: map[string]string{
			"Authorization": "Bearer " + fields[0],
			"Content-Type":  "application/json",
		},
	}
}

func lines(path string, fieldsEach int, made func([]string) request) ([]request, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var requests []request
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		if len(fields) != fieldsEach {
			return nil, fmt.Errorf("line %d has %d fields", len(requests)+1, len(fields))
		}
		requests = append(requests, made(fields))
	}
	return requests, nil
}

func (r request) made(url string) (*http.Request, error) {
	made, err := http.NewRequest(r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.headers {
		made.Header.Set(name, value)
	}
	return made, nil
}
