import { gql } from '@apollo/client/core';

export const WALL = gql`
  query ApolloWall($first: Int!) {
    viewer {
      role
    }
    alerts(first: $first) {
      totalCount
      nodes {
        ...ApolloAlert
      }
    }
  }

  fragment ApolloAlert on Alert {
    id
    status
    price {
      amount
      currencyCode
    }
  }
`;

export const TASK = gql`
  mutation ApolloTask($input: TaskCreateInput!) {
    taskCreate(input: $input) {
      task {
        id
        status
      }
      userErrors {
        code
      }
    }
  }
`;
